"""Differences of pairs, by seed or pool, with their interval."""

import numpy as np
from scipy import stats


def with_interval(difference: np.ndarray) -> tuple[float, float, float]:
    """Mean of (N,) differences, N at least 2, and the ends of its 95 % interval (Student's t), to two decimals."""
    mean = difference.mean()
    half = stats.t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / np.sqrt(len(difference))
    return round(float(mean), 2), round(float(mean - half), 2), round(float(mean + half), 2)
