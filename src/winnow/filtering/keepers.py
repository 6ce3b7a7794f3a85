"""Who stays for whom: a representative per node of a merge tree, so that every share is a cut through one order."""

from dataclasses import dataclass

import numpy as np

from winnow.filtering.merge_tree import MergeTree


@dataclass(frozen=True)
class Keepers:
    """What the merge tree says of N images; the last representative, the root's, never goes.

    Attributes:
        keeper: (N,) int64, the image that represents this one's cluster from the merge on; itself for the root's.
        height: (N,) float64, of the merge by which the image goes; infinite for the root's.
        reach: (N,) float64, not below that of any image which goes into the same cluster before: how far, in
            Euclidean distance of unit vectors, images of the cluster are from the keeper at most; infinite for the
            root's. An image with `reach` up to x is no farther than x from the image that is kept for it when exactly
            the images with `reach` up to x go.
    """

    keeper: np.ndarray
    height: np.ndarray
    reach: np.ndarray


def nested_keepers(tree: MergeTree, features: np.ndarray) -> Keepers:
    """Let at every merge the representative go that is farther from the merged centre, and stay gone.

    Args:
        tree: of N images.
        features: (N, D) float, the unit vectors that it was built on.

    Returns:
        A keeper, a height and a reach for each image. Of two equally far representatives the first image stays.
    """
    count = len(features)
    keeper, height, reach = np.arange(count), np.full(count, np.inf), np.full(count, np.inf)
    centre: dict[int, np.ndarray] = {}
    members = {image: np.array([image]) for image in range(count)}
    stays = list(range(count)) + [0] * len(tree.height)
    farthest = [0.0] * (2 * count - 1)
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
        inside = members[loser]
        distance = float(np.sqrt(((features[inside].astype(np.float64) - features[kept]) ** 2).sum(axis=1).max()))
        keeper[gone], height[gone] = kept, tree.height[row]
        farthest[node] = max(farthest[one], farthest[two], distance)
        reach[gone] = farthest[node]
        stays[node], centre[node] = kept, middle
        members[node] = np.concatenate([members.pop(one), members.pop(two)])
    return Keepers(keeper, height, reach)


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
