"""What zero-shot gives to all classes together, against everything else."""

import numpy as np

from winnow.detect.signals import Detector, Score


def in_class_probability(in_class_probability: np.ndarray) -> np.ndarray:
    """(N,) float64 of what the encoder gives (Ming et al., arXiv 2211.13445)."""
    return in_class_probability.astype(np.float64)


DETECTOR = Detector(
    Score(
        name="in_class_probability",
        meaning="of all classes together, by their names",
        lower_is_worse=True,
        worse="farther out",
        low=0,
        high=1,
    ),
    in_class_probability,
    needs=("in_class_probability",),
)
