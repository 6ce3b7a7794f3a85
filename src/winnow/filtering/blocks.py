"""Trees of more images than one tree holds: in blocks of k-means, joined at the top.

Each block has an exact tree. The images that stay in the blocks are then merged once more with those of the other
blocks: an image on a border, whose two nearest centres are nearly equally far, so finds its copy across the border.
"""

import numpy as np

from winnow.filtering.clusters import Linkage
from winnow.filtering.keepers import Keepers, nested_keepers
from winnow.filtering.kmeans import BLOCK, block_centres, nearest
from winnow.filtering.merge_tree import merge_tree


def block_keepers(points: np.ndarray, *, linkage: Linkage, seed: int, block: float = BLOCK) -> Keepers:
    """Keepers of any number of images.

    Args:
        points: (N, D) float32, rows of length 1.
        linkage: `ward` or `average`.
        seed: of the blocks.
        block: images of a block on average.

    Returns:
        As `winnow.filtering.keepers.nested_keepers`; heights across blocks are of the pair of images alone.
    """
    count = len(points)
    centres = block_centres(points, block=block, seed=seed)
    two_nearest = nearest(points, centres, k=2)
    keeper, height = np.arange(count), np.full(count, np.inf)
    for number in range(len(centres)):
        members = np.flatnonzero(two_nearest[:, 0] == number)
        if not len(members):
            continue
        inside = points[members]
        found = nested_keepers(merge_tree(inside, linkage=linkage), inside)
        keeper[members], height[members] = members[found.keeper], found.height
    _across_borders(points, two_nearest, keeper, height, linkage)
    return Keepers(keeper, height)


def _across_borders(
    points: np.ndarray,
    two_nearest: np.ndarray,
    keeper: np.ndarray,
    height: np.ndarray,
    linkage: Linkage,
) -> None:
    """Let an image go for its nearest in the block of its second centre where that is nearer than its own merge.

    Of two that would go for each other the second image stays; a keeper across a border does not itself go across one,
    so that no chain of keepers comes back.
    """
    crossing: list[tuple[float, int, int]] = []
    for number in np.unique(two_nearest[:, 1]):
        outside = np.flatnonzero(two_nearest[:, 1] == number)
        inside = np.flatnonzero(two_nearest[:, 0] == number)
        if not len(inside):
            continue
        place = inside[nearest(points[outside], points[inside], k=1)[:, 0]]
        squared = ((points[outside].astype(np.float64) - points[place]) ** 2).sum(axis=1)
        distance = np.sqrt(squared) if linkage == "ward" else squared / 2
        better = distance < height[outside]
        crossing += zip(distance[better].tolist(), outside[better].tolist(), place[better].tolist(), strict=True)
    fixed: set[int] = set()
    for distance, image, other in sorted(crossing):
        if image in fixed or not height[other] > distance or keeper[image] == other:
            continue
        if image in _chain(keeper, other):
            continue
        keeper[image], height[image] = other, distance
        fixed.add(other)


def _chain(keeper: np.ndarray, image: int) -> set[int]:
    """All images that stand above one on its chain of keepers."""
    seen = {image}
    while keeper[image] != image and keeper[image] not in seen:
        image = int(keeper[image])
        seen.add(image)
    return seen
