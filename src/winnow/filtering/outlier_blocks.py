"""The tree of more images than can all be compared: in blocks of k-means.

Every image is in the blocks of its two nearest centres, so an image on a border has neighbours on both sides, and
blocks hang together by the images that they share. Each block has its exact tree. All of these together hold the tree
of all pairs that share a block: an edge that is not in its block's tree closes a ring in which it is the heaviest.
Blocks that share no image are joined by the images that come nearest to the blocks of others.

In all that, core distances and edges can only be longer than the exact tree's, for an image's nearest may lie in no
block of its own; the height at which an image leaves may come out either way. So the oddest tenth is then compared with
all images, as are those by which whole groups may join the rest, and the tree is built again.
"""

from functools import partial

import numpy as np

from winnow.data.perceptual_hash import linked
from winnow.filtering.kmeans import BLOCK, block_centres, nearest
from winnow.filtering.outliers import (
    DensityTree,
    distances,
    listed_neighbours,
    neighbours,
    outlier_order,
    smaller_halves,
    spanned,
)
from winnow.filtering.spanning_tree import Edges, Outside, nearest_outside, soonest, spanning_tree
from winnow.progress import progress

_ROWS = 20_000
MOST_COMPARED = 100_000
"""The most images, the oddest, that are compared with all."""
_COMPARED_SHARE = 0.1  # of all images, the oddest
_COMPARED_TO_JOIN = 100  # images of a group
_GROUP = 0.005  # of all images, which join the rest at once


def block_density_tree(
    points: np.ndarray,
    *,
    min_samples: int = 5,
    seed: int = 0,
    block: float = BLOCK,
    most_compared: int = MOST_COMPARED,
) -> DensityTree:
    """Build the tree of any number of images; `winnow.filtering.outliers.density_tree` is exact.

    Args:
        points: (N, D) float32, N at least 2; unit vectors for a density of directions.
        min_samples: as there.
        seed: of the blocks.
        block: images of a block on average, each counted in its nearest centre's alone.
        most_compared: how many of the oddest are compared with all images, at most a tenth of N.

    Returns:
        Edges and core distances, as if the pairs of images that share no block were farther apart than they are, but
        for those of the oddest. With two blocks all pairs share one: it is exact.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    centres = block_centres(points, block=block, seed=seed)
    two_nearest = nearest(points, centres, k=2)
    blocks = [np.flatnonzero((two_nearest == number).any(axis=1)) for number in range(len(centres))]
    listed = listed_neighbours(min_samples)
    lists = _lists(points, two_nearest, blocks, listed=listed)
    core = _core_distances(points, lists, min_samples)
    found = []
    with progress("join in blocks", len(blocks)) as report:
        for number, members in enumerate(blocks):
            if len(members) > 1:
                slot = (two_nearest[members, 0] != number).astype(np.int64)
                place = np.searchsorted(members, lists[members, slot])[:, : len(members)]
                inside = points[members]
                farthest = distances(inside, np.arange(len(members)), place).max(axis=1)
                found.append(members[spanned(inside, core[members], place, farthest)])
            report(1)
    within = np.vstack(found)
    search = partial(_nearest_in_other_blocks, points, core, centres, blocks)
    apart = _joined(points, core, linked(len(points), *within.T), search)
    tree = _lightest_tree(points, core, np.vstack([within, apart]))
    between_groups = _joined(points, core, _groups(tree, at_least=max(listed, _GROUP * len(points))), search)
    odd = np.sort(outlier_order(tree)[: min(round(_COMPARED_SHARE * len(points)), most_compared)])
    with progress("compare the oddest with all", len(odd)) as report:
        place = neighbours(points[odd], points, listed=min(listed, len(points)), report=report)
    core[odd] = np.sort(distances(points, odd, place), axis=1)[:, min(min_samples, len(points)) - 1]
    more = np.column_stack([np.repeat(odd, place.shape[1]), place.ravel()])
    return _lightest_tree(points, core, np.vstack([tree.edges, between_groups, more]))


def _lightest_tree(points: np.ndarray, core: np.ndarray, ends: np.ndarray) -> DensityTree:
    """Of (M, 2) int64 edges that join all images."""
    edges = Edges(points, core, ends[:, 0], ends[:, 1])
    enough = np.full(len(points), np.inf)
    return DensityTree.of(points, core, spanning_tree(enough, edges, partial(nearest_outside, points, core)))


def _joined(points: np.ndarray, core: np.ndarray, component: np.ndarray, search: Outside) -> np.ndarray:
    """(M, 2) int64 edges that join (N,) components, each with all of its images."""
    none = np.zeros(0, dtype=np.int64)
    return spanning_tree(np.zeros(len(points)), Edges(points, core, none, none), search, component=component)


def _groups(tree: DensityTree, *, at_least: float) -> np.ndarray:
    """(N,) int64: what is left of a tree without the edges that join so many images at once to as many or more."""
    joins_few = np.array([len(images) < at_least for images in smaller_halves(tree)], dtype=bool)
    return linked(len(tree.core_distance), *tree.edges[joins_few].T)


def _lists(points: np.ndarray, two_nearest: np.ndarray, blocks: list[np.ndarray], *, listed: int) -> np.ndarray:
    """(N, 2, listed) int32: each image's nearest in the block of its nearest centre, and in that of the second nearest.

    The image itself fills up what a smaller block leaves open.
    """
    count = len(points)
    lists = np.broadcast_to(np.arange(count, dtype=np.int32)[:, None, None], (count, 2, listed)).copy()
    with progress("neighbours in blocks", len(blocks)) as report:
        for number, members in enumerate(blocks):
            if len(members):
                inside, width = points[members], min(listed, len(members))
                slot = (two_nearest[members, 0] != number).astype(np.int64)
                lists[members, slot, :width] = members[neighbours(inside, inside, listed=width)]
            report(1)
    return lists


def _core_distances(points: np.ndarray, lists: np.ndarray, min_samples: int) -> np.ndarray:
    """(N,) float64, among all images where both blocks of an image together are too small."""
    count = len(points)
    wanted = min(min_samples, count)
    core = np.empty(count)
    for start in range(0, count, _ROWS):
        place = np.sort(lists[start : start + _ROWS].reshape(-1, lists.shape[1] * lists.shape[2]), axis=1)
        near = distances(points, np.arange(start, start + len(place)), place)
        near[:, 1:][place[:, 1:] == place[:, :-1]] = np.inf
        core[start : start + _ROWS] = np.partition(near, wanted - 1, axis=1)[:, wanted - 1]
    lonely = np.flatnonzero(~np.isfinite(core))
    if len(lonely):
        place = neighbours(points[lonely], points, listed=wanted)
        core[lonely] = distances(points, lonely, place).max(axis=1)
    return core


def _nearest_in_other_blocks(
    points: np.ndarray,
    core: np.ndarray,
    centres: np.ndarray,
    blocks: list[np.ndarray],
    component: np.ndarray,
    images: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest_outside`, among the others in one block: that of the nearest centre with mostly others.

    The few of each component that come nearest are then compared with all.
    """
    most = np.array([np.bincount(component[members]).argmax() if len(members) else -1 for members in blocks])
    found, least = np.zeros(len(images), dtype=np.int64), np.zeros(len(images))
    for own in np.unique(component[images]):
        rows = np.flatnonzero(component[images] == own)
        others = np.flatnonzero((most != own) & (most >= 0))
        block = others[nearest(points[images[rows]], centres[others], k=1)[:, 0]] if len(others) else others
        for number in np.unique(block):
            at, among = rows[block == number], blocks[number]
            found[at], least[at] = soonest(points, core, images[at], among[component[among] != own])
        near = rows[np.argsort(least[rows], kind="stable")[:_COMPARED_TO_JOIN]] if len(others) else rows
        found[near], least[near] = nearest_outside(points, core, component, images[near])
    return found, least
