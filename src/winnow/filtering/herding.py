"""Herding: an order in which each next image brings the mean of the first ones as near to the mean of all as one can.

What learns from few images of a class learns most of all where the class lies; images chosen at random say so with the
error of a random mean, herded ones with a far smaller one.
"""

import numpy as np

from winnow.filtering.groups import cluster_groups
from winnow.filtering.keepers import Keepers

BLOCK = 10_000
"""Images of a block on average, where there are more than twice as many; each block is herded apart."""
_ROWS = 2_048


def herding_order(points: np.ndarray) -> np.ndarray:
    """(N,) int64 places in the order in which they stay: each brings the mean of those before it, with it, nearest to
    the mean of all.

    Args:
        points: (N, D) float32, rows of length 1. Time grows with N squared.

    Sources: Welling, Herding Dynamical Weights to Learn, ICML 2009; Rebuffi et al., arXiv 1611.07725 (iCaRL's
    exemplars).
    """
    count = len(points)
    to_mean = points @ points.mean(axis=0, dtype=np.float64).astype(np.float32)
    order, chosen = np.empty(count, dtype=np.int64), np.zeros(count)  # inner products with the sum of the chosen
    stays = np.zeros(count, dtype=bool)
    for number in range(count):
        gain = (number + 1) * to_mean - chosen
        gain[stays] = -np.inf
        order[number] = best = int(gain.argmax())
        stays[best] = True
        chosen += points @ points[best]
    return order


def herded_keepers(points: np.ndarray, *, seed: int, block: int = BLOCK) -> Keepers:
    """Let images go in the reverse of herding's order, each for the most similar of those that stay longer.

    Args:
        points: (N, D) float32, rows of length 1.
        seed: of the blocks of k-means that more than twice `block` images are parted into.
        block: images of a block on average.

    Returns:
        Heights are the share of the block's images that go before the image does or with it, in (0, 1).
    """
    count = len(points)
    if count > 2 * block:
        blocks = cluster_groups(points, clusters=round(count / block), seed=seed)
    else:
        blocks = np.zeros(count, dtype=np.int64)
    keeper, height = np.arange(count), np.full(count, np.inf)
    for number in np.unique(blocks):
        members = np.flatnonzero(blocks == number)
        members = members[herding_order(points[members])]
        height[members[1:]] = 1 - np.arange(1, len(members)) / len(members)
        keeper[members] = members[_most_similar_before(points[members])]
    return Keepers(keeper, height)


def _most_similar_before(points: np.ndarray) -> np.ndarray:
    """(N,) int64: of the rows before each the most similar, the first of equals; the first row itself."""
    found = np.zeros(len(points), dtype=np.int64)
    for start in range(0, len(points), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(points)))
        similarity = points[rows] @ points[: rows[-1] + 1].T
        similarity[np.arange(rows[-1] + 1) >= rows[:, None]] = -np.inf
        found[rows] = similarity.argmax(axis=1)
    return found
