"""Redundancy of every image, scored once: its merge tree, its keeper and its place in the order."""

from dataclasses import dataclass

import numpy as np

from winnow.filtering.blocks import block_keepers
from winnow.filtering.clusters import Linkage
from winnow.filtering.groups import cluster_groups
from winnow.filtering.keepers import nested_keepers
from winnow.filtering.merge_tree import merge_tree
from winnow.filtering.order import removal_order
from winnow.progress import progress

MOST_EXACT = 100_000
"""The largest group whose tree is built whole; larger ones are parted into blocks."""
_TILES = 50


@dataclass(frozen=True)
class Redundancy:
    """Scores of N images.

    Attributes:
        keeper: (N,) int64, the image that stays when this one goes; itself where it never goes.
        height: (N,) float64, of the merge by which it goes, in the linkage's unit; infinite where it never goes.
        removal_rank: (N,) int64, 1 for the first to go; 0 where it never goes.
        tile: (N,) int64, one of some 50 clusters of the trees, to look at: foreign images that are alike share one.
    """

    keeper: np.ndarray
    height: np.ndarray
    removal_rank: np.ndarray
    tile: np.ndarray


def score_redundancy(
    points: np.ndarray,
    *,
    linkage: Linkage,
    groups: np.ndarray,
    balance: np.ndarray,
    floor: float,
    most_exact: int = MOST_EXACT,
    seed: int = 0,
) -> Redundancy:
    """Score every image.

    Args:
        points: (N, D) float32, rows of length 1.
        linkage: `ward` or `average`.
        groups: (N,) int; a tree is built inside each, so that no image goes for one of another group.
        balance: (N,) int, the groups whose shares are held; `winnow.filtering.order`.
        floor: in [0, 1], how much of its share a group of `balance` keeps at least.
        most_exact: images of a group above which it is parted into blocks (`winnow.filtering.blocks`).
        seed: of the blocks.

    Returns:
        Scores; in every group one image never goes.
    """
    count = len(points)
    keeper, height = np.arange(count), np.full(count, np.inf)
    tile, tiles = np.zeros(count, dtype=np.int64), 0
    with progress("merge", count) as report:
        for group in np.unique(groups):
            members = np.flatnonzero(groups == group)
            inside = points[members]
            if len(members) > most_exact:
                found = block_keepers(inside, linkage=linkage, seed=seed)
                part = cluster_groups(inside, clusters=round(_TILES * len(members) / count), seed=seed)
            else:
                tree = merge_tree(inside, linkage=linkage)
                found = nested_keepers(tree, inside)
                part = tree.labels(max(1, round(_TILES * len(members) / count)))
            tile[members] = tiles + part
            tiles += int(part.max()) + 1
            keeper[members], height[members] = members[found.keeper], found.height
            report(len(members))
    rank = np.zeros(count, dtype=np.int64)
    order = removal_order(height, balance, floor=floor)
    rank[order] = np.arange(1, len(order) + 1)
    return Redundancy(keeper, height, rank, tile)
