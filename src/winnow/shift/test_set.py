"""A test set as a classifier sees it."""

from dataclasses import dataclass

import numpy as np

from winnow.errors import WinnowError
from winnow.shift.checked import Checked


@dataclass(frozen=True)
class TestSet:
    """N labelled rows with what a classifier says of them.

    Attributes:
        labels: (N,) int64 in [0, K), as given, or as people corrected them.
        pred_probs: (N, K) float32, of a classifier trained elsewhere; the mean over its seeds.
        correct: (N,) float64 in [0, 1]: the share of the seeds whose most probable class is the label.
        features: (N, D) float32, or None where there are predictions alone.
        checked: what people found of the labels, or None where they judged none.
        correct_as_given: (N,) float64: `correct` by the labels as given, where people judged some.
    """

    __test__ = False  # no test of pytest's

    labels: np.ndarray
    pred_probs: np.ndarray
    correct: np.ndarray
    features: np.ndarray | None = None
    checked: Checked | None = None
    correct_as_given: np.ndarray | None = None

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
    def of_seeds(
        cls,
        labels: np.ndarray,
        pred_probs: np.ndarray,
        features: np.ndarray | None = None,
        checked: Checked | None = None,
    ) -> "TestSet":
        """From (N,) labels as given, (S, N, K) probabilities by S seeds, and what people found of the labels."""
        answers, right = pred_probs.argmax(axis=2), labels if checked is None else checked.labels
        correct, as_given = (answers == right).mean(axis=0), (answers == labels).mean(axis=0)
        return cls(np.asarray(right, dtype=np.int64), pred_probs.mean(axis=0), correct, features, checked, as_given)

    def without_removed(self) -> "TestSet":
        """The rows that are of a class, with the labels that are right as far as people said."""
        if self.checked is None:
            return self
        rows = ~self.removed
        features = None if self.features is None else self.features[rows]
        return TestSet(self.labels[rows], self.pred_probs[rows], self.correct[rows], features)

    @property
    def seen(self) -> np.ndarray:
        """(N,) bool: rows that people judged."""
        return np.zeros(len(self.labels), bool) if self.checked is None else self.checked.seen

    @property
    def removed(self) -> np.ndarray:
        """(N,) bool: rows that people found to be of no class."""
        return np.zeros(len(self.labels), bool) if self.checked is None else self.checked.removed

    @property
    def as_given(self) -> np.ndarray:
        """(N,) float64: the share of the seeds that are right by the labels as given."""
        return self.correct if self.correct_as_given is None else self.correct_as_given

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.pred_probs.shape[1])

    @property
    def accuracy(self) -> float:
        """The share of rows that are right by the labels as given, as a mean over the seeds."""
        return float(self.as_given.mean())
