"""Who stays for whom: a representative per node of a merge tree, so that every share is a cut through one order."""

from dataclasses import dataclass

import numpy as np

from winnow.filtering.merge_tree import MergeTree


@dataclass(frozen=True)
class Keepers:
    """Who stays for whom among N images; one, the root's representative of a tree, never goes.

    Attributes:
        keeper: (N,) int64, the image that represents this one's cluster from the merge on; itself for the root's.
        height: (N,) float64, of the merge by which the image goes, or what else rises as images go; infinite for the
            root's.
    """

    keeper: np.ndarray
    height: np.ndarray


def nested_keepers(tree: MergeTree, features: np.ndarray) -> Keepers:
    """Let at every merge the representative go that is farther from the merged centre, and stay gone.

    Args:
        tree: of N images.
        features: (N, D) float, the unit vectors that it was built on.

    Returns:
        A keeper and a height for each image. Of two equally far representatives the first image stays.
    """
    count = len(features)
    keeper, height = np.arange(count), np.full(count, np.inf)
    centre: dict[int, np.ndarray] = {}
    stays = list(range(count)) + [0] * len(tree.height)
    for row, (one, two) in enumerate(tree.children.tolist()):
        node = count + row
        sizes = [1 if child < count else int(tree.size[child - count]) for child in (one, two)]
        sums = [features[child].astype(np.float64) if child < count else centre.pop(child) for child in (one, two)]
        middle = sums[0] + sums[1]
        mean = middle / (sizes[0] + sizes[1])
        offset = [float(((features[stays[child]] - mean) ** 2).sum()) for child in (one, two)]
        first_wins = (offset[0], stays[one]) <= (offset[1], stays[two])
        winner, loser = (one, two) if first_wins else (two, one)
        gone, kept = stays[loser], stays[winner]
        keeper[gone], height[gone] = kept, tree.height[row]
        stays[node], centre[node] = kept, middle
    return Keepers(keeper, height)


def kept_for(keeper: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(N,) int64: for each image the first kept one on its chain of keepers; itself where it is kept.

    Args:
        keeper: (N,) int64, as in `Keepers`; images that go as outliers may be on a chain.
        kept: (N,) bool.

    Returns:
        Places; -1 where the chain ends without a kept image.
    """
    found = np.where(kept, np.arange(len(keeper)), keeper)
    while True:
        further = np.where(kept[found], found, keeper[found])
        if np.array_equal(further, found):
            return np.where(kept[found], found, -1)
        found = further
