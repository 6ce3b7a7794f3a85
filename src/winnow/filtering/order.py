"""The order in which images go, group by group in proportion, and the one in which they stay."""

import heapq

import numpy as np


def removal_order(height: np.ndarray, balance: np.ndarray, *, floor: float) -> np.ndarray:
    """Order images by height, but let no group fall behind.

    After any number of images has gone, each group has at least `floor` of its share of what is left, as far as whole
    images allow: of a group that has no image to spare the next waits, while other groups go on.

    Args:
        height: (N,) float; infinite for images that never go.
        balance: (N,) int, the group of each image.
        floor: in [0, 1]; 0 orders by height alone, 1 keeps the shares.

    Returns:
        (M,) int64, the M images of finite height, the first to go first.
    """
    count = len(height)
    _, group, size = np.unique(balance, return_inverse=True, return_counts=True)
    waiting: list[list[int]] = [[] for _ in size]
    for image in np.lexsort((np.arange(count), -height)).tolist():
        if np.isfinite(height[image]):
            waiting[group[image]].append(image)  # the last is the next to go
    if floor <= 0 or len(size) == 1:
        finite = np.flatnonzero(np.isfinite(height))
        return finite[np.lexsort((finite, height[finite]))]
    left = size.astype(np.float64)
    share = size / count

    def free_from(number: int) -> float:
        """After how many removals in all the group may lose one more."""
        return float(count - 1 - (left[number] - 1) / (floor * share[number]))

    able: list[tuple[float, int, int]] = []
    blocked = [(free_from(number), number) for number in range(len(size)) if waiting[number]]
    heapq.heapify(blocked)
    order: list[int] = []
    while able or blocked:
        while blocked and blocked[0][0] <= len(order) + 1e-9:
            _, number = heapq.heappop(blocked)
            heapq.heappush(able, (float(height[waiting[number][-1]]), waiting[number][-1], number))
        if able:
            _, image, number = heapq.heappop(able)
        else:  # none has a whole image to spare: the one that comes nearest to it
            _, number = heapq.heappop(blocked)
            image = waiting[number][-1]
        waiting[number].pop()
        left[number] -= 1
        order.append(image)
        if waiting[number]:
            heapq.heappush(blocked, (free_from(number), number))
    return np.array(order, dtype=np.int64)


def staying_order(removal_rank: np.ndarray) -> np.ndarray:
    """(N,) int64 images of (N,) removal ranks: those that never go, whose rank is 0, then the last to go first."""
    last = np.where(removal_rank == 0, len(removal_rank), removal_rank)
    return np.argsort(-last, kind="stable")
