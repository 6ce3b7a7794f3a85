"""How a budget of images is shared out between classes."""

import numpy as np


def copies_per_class(sizes: np.ndarray, most: np.ndarray, *, budget: int, balance: str) -> np.ndarray:
    """How many copies each class gets.

    Args:
        sizes: (K,) int64 originals per class.
        most: (K,) int64 most copies per class.
        budget: most images in all, at least the sum of `sizes`.
        balance: "equal" or "none", as in `plan_copies`.

    Returns:
        (K,) int64 copies per class.
    """
    if balance == "equal":
        return level_totals(sizes, sizes + most, budget) - sizes
    able = np.where(most > 0, sizes, 0)
    if able.sum() == 0:
        return np.zeros_like(sizes)
    wanted = budget - sizes.sum()
    shares = wanted * able / able.sum()
    copies = np.floor(shares).astype(np.int64)
    first = np.argsort(-(shares - copies), kind="stable")[: wanted - copies.sum()]
    copies[first] += 1
    return np.minimum(copies, most)


def level_totals(low: np.ndarray, high: np.ndarray, budget: int) -> np.ndarray:
    """Totals between bounds, as equal as can be, with the largest sum that is within the budget.

    Water-filling: every total is the same level, cut to its bounds; what is left over, less than one each, goes to the
    first classes.

    Args:
        low: (K,) int64 least totals; their sum is at most `budget`.
        high: (K,) int64 most totals.
        budget: most of the sum.

    Returns:
        (K,) int64 totals.
    """
    if high.sum() <= budget:
        return high.copy()
    below, above = 0, int(high.max())  # level `below` is within the budget, level `above` is not
    while above - below > 1:
        level = (below + above) // 2
        if np.clip(level, low, high).sum() <= budget:
            below = level
        else:
            above = level
    totals = np.clip(below, low, high)
    rising = np.flatnonzero((totals == below) & (totals < high))
    totals[rising[: budget - totals.sum()]] += 1
    return totals
