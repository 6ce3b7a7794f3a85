"""The paper's rule on harm, capped: only the extremes of HyDRA's values count."""

import numpy as np


def harmful(points_harmed: np.ndarray, influence: np.ndarray, *, least: int, most: float) -> np.ndarray:
    """The images that harm the most reference images.

    Args:
        points_harmed: (N,) int, the reference images that the rule "min + std" sees harmed.
        influence: (N,) float, positive harms; of images that harm as many the ones of higher influence come first.
        least: reference images that an image must harm, at least 1.
        most: share of the images that may be chosen at most.

    Returns:
        (N,) bool.
    """
    worst = np.lexsort((-influence, -points_harmed))[: int(most * len(points_harmed) + 1e-9)]
    chosen = np.zeros(len(points_harmed), dtype=bool)
    chosen[worst[points_harmed[worst] >= least]] = True
    return chosen
