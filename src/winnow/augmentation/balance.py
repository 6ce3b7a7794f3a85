"""How a budget of images is shared out between classes."""

import heapq

import numpy as np


def copies_per_class(
    sizes: np.ndarray, most: np.ndarray, *, budget: int, balance: str, effective_number_beta: float = 0.999
) -> np.ndarray:
    """How many copies each class gets.

    Args:
        sizes: (K,) int64 originals per class.
        most: (K,) int64 most copies per class.
        budget: most images in all, at least the sum of `sizes`.
        balance: "equal", "effective_number" or "none", as in `plan_copies`.
        effective_number_beta: in [0, 1), of "effective_number" alone.

    Returns:
        (K,) int64 copies per class.
    """
    copies: np.ndarray
    if balance in ("equal", "effective_number"):
        equal = np.ones(len(sizes))
        shares = equal if balance == "equal" else effective_number_shares(sizes, beta=effective_number_beta)
        copies = share_out(sizes, sizes + most, shares, budget) - sizes
        return copies
    able = np.where(most > 0, sizes, 0)
    if able.sum() == 0:
        return np.zeros_like(sizes)
    wanted = budget - sizes.sum()
    shares = wanted * able / able.sum()
    copies = np.floor(shares).astype(np.int64)
    first = np.argsort(-(shares - copies), kind="stable")[: wanted - copies.sum()]
    copies[first] += 1
    copies = np.minimum(copies, most)
    return copies


def effective_number_shares(sizes: np.ndarray, *, beta: float) -> np.ndarray:
    """The share of the set that each class should have, by the effective number of its images.

    The n-th image of a class adds beta^(n-1) of a new one, so n images are worth (1 - beta^n) / (1 - beta) (Cui et al.
    2019, arXiv 1901.05555). There an image weighs one over that number; here a class has images in proportion to its
    size times that weight. beta 0 keeps the classes' own proportions, beta near 1 makes them equal.

    Args:
        sizes: (K,) int64 images per class.
        beta: in [0, 1).

    Returns:
        (K,) float64 shares whose sum is 1; 0 for a class without images.
    """
    worth = (1 - beta ** sizes.astype(np.float64)) / (1 - beta)
    shares: np.ndarray = np.divide(sizes, worth, out=np.zeros(len(sizes)), where=sizes > 0)
    return shares / (shares.sum() or 1)


def share_out(low: np.ndarray, high: np.ndarray, shares: np.ndarray, budget: int) -> np.ndarray:
    """Totals between bounds, in proportion to `shares` as far as these allow, with the largest sum within the budget.

    One image at a time goes to the class that has least for its share (D'Hondt's way of sharing out seats), the first
    of equals; with equal shares that is water-filling: the smallest classes rise first.

    Args:
        low: (K,) int64 least totals; their sum is at most `budget`.
        high: (K,) int64 most totals.
        shares: (K,) float64, at least 0; a class with the share 0 stays at `low`.
        budget: most of the sum.

    Returns:
        (K,) int64 totals.
    """
    totals = np.asarray(low, dtype=np.int64).copy()
    able = np.flatnonzero((totals < high) & (shares > 0))
    waiting = [((totals[label] + 1) / shares[label], label) for label in able]
    heapq.heapify(waiting)
    for _ in range(budget - int(totals.sum())):
        if not waiting:
            break
        _, label = waiting[0]
        totals[label] += 1
        if totals[label] < high[label]:
            heapq.heapreplace(waiting, ((totals[label] + 1) / shares[label], label))
        else:
            heapq.heappop(waiting)
    return totals
