"""A test set as a classifier sees it."""

from dataclasses import dataclass

import numpy as np

from winnow.errors import WinnowError


@dataclass(frozen=True)
class TestSet:
    """N labelled rows with what a classifier says of them.

    Attributes:
        labels: (N,) int64 in [0, K), as given.
        pred_probs: (N, K) float32, of a classifier trained elsewhere; the mean over its seeds.
        correct: (N,) float64 in [0, 1]: the share of the seeds whose most probable class is the given label.
        features: (N, D) float32, or None where there are predictions alone.
    """

    __test__ = False  # no test of pytest's

    labels: np.ndarray
    pred_probs: np.ndarray
    correct: np.ndarray
    features: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not len(self.labels):
            raise WinnowError("a test set has no rows; name a file or folder that holds some.")
        sizes = {len(self.labels), len(self.pred_probs), len(self.correct)}
        if self.features is not None:
            sizes.add(len(self.features))
        if len(sizes) > 1:
            raise WinnowError(f"labels, predictions and features have {sorted(sizes)} rows; give one of each per row.")
        if self.labels.min() < 0 or self.labels.max() >= self.num_classes:
            raise WinnowError(
                f"labels run from {self.labels.min()} to {self.labels.max()}, but there are predictions for "
                f"{self.num_classes} classes; number the classes from 0 in the order of the predictions."
            )

    @classmethod
    def of_seeds(cls, labels: np.ndarray, pred_probs: np.ndarray, features: np.ndarray | None = None) -> "TestSet":
        """From (S, N, K) probabilities by S seeds."""
        correct = (pred_probs.argmax(axis=2) == labels).mean(axis=0)
        return cls(np.asarray(labels, dtype=np.int64), pred_probs.mean(axis=0), correct, features)

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.pred_probs.shape[1])

    @property
    def accuracy(self) -> float:
        """The share of correct rows, as a mean over the seeds."""
        return float(self.correct.mean())
