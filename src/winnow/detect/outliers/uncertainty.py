"""How undecided the class probabilities are."""

import numpy as np

from winnow.detect.signals import Detector, Score


def class_uncertainty(class_probs: np.ndarray) -> np.ndarray:
    """(N,) float64 entropy in nats of (N, K) probabilities (Hendrycks and Gimpel, arXiv 1610.02136, in spirit)."""
    entropy: np.ndarray = -(class_probs * np.log(np.maximum(class_probs, 1e-12))).sum(axis=1, dtype=np.float64)
    return entropy


DETECTOR = Detector(
    Score(
        name="class_uncertainty",
        meaning="entropy of the class probabilities",
        worse="farther out",
        unit="nats",
        low=0,
    ),
    class_uncertainty,
    needs=("class_probs",),
)
