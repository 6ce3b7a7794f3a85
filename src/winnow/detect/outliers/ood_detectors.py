"""The detectors of images of no class that need no trusted images, by the name of their column.

To add one, write a module with a function over arrays and a line in `DETECTORS`: `score_ood` hears them all alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from winnow.detect.outliers.mahalanobis import mahalanobis_distance


@dataclass(frozen=True)
class Evidence:
    """What a detector may look at.

    Attributes:
        features: (N, D) float32, L2-normalised.
        class_probs: (N, K) of the true class, out of sample.
        trim: share of each class, the farthest, that is left out when its statistics are fitted, [0, 1).
        in_class_probability: (N,) what zero-shot gives to all classes together, or None.
    """

    features: np.ndarray
    class_probs: np.ndarray
    trim: float
    in_class_probability: np.ndarray | None


@dataclass(frozen=True)
class Detector:
    """A detector.

    Attributes:
        score: gives (N,) floats, or None where the evidence is not there.
        lower_is_odder: which end of the score is out of distribution.
    """

    score: Callable[[Evidence], np.ndarray | None]
    lower_is_odder: bool = False

    def oddness(self, score: np.ndarray) -> np.ndarray:
        """(N,) float64, higher is odder."""
        score = score.astype(np.float64)
        return -score if self.lower_is_odder else score


def class_uncertainty(class_probs: np.ndarray) -> np.ndarray:
    """(N,) float64 entropy in nats of (N, K) probabilities (Hendrycks and Gimpel, arXiv 1610.02136, in spirit)."""
    return -(class_probs * np.log(np.maximum(class_probs, 1e-12))).sum(axis=1, dtype=np.float64)


DETECTORS: dict[str, Detector] = {
    "mahalanobis_distance": Detector(
        lambda seen: mahalanobis_distance(seen.features, seen.class_probs.argmax(axis=1), trim=seen.trim)
    ),
    "class_uncertainty": Detector(lambda seen: class_uncertainty(seen.class_probs)),
    "in_class_probability": Detector(lambda seen: seen.in_class_probability, lower_is_odder=True),
}
