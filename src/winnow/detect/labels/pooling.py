"""Copies of one picture are judged as one: what is known of each counts for all."""

import numpy as np


def pool_over_groups(probabilities: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Give every member of a group the group's mean, so that copies with different labels get one verdict.

    Exact copies have one row each already, unless a model saw some of them; near copies differ a little, and their
    mean is as good as that of several looks at one picture.

    Args:
        probabilities: (N, K), rows sum to 1.
        groups: (N,) int, equal for images of one picture; an image alone has a group of its own.

    Returns:
        (N, K) float64, rows sum to 1; equal within a group, unchanged for images alone.
    """
    _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    total = np.zeros((len(size), probabilities.shape[1]))
    np.add.at(total, group, probabilities)
    return (total / size[:, None])[group]
