"""What a source of evidence on labels is: a record, and what those that learn from labels answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from winnow.detect.signals import Evidence

if TYPE_CHECKING:
    from winnow.detect.labels.vote import Neighbourhood


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What a source learns from.

    Attributes:
        evidence: of N images, with features and labels at least.
        one_hot: (N, K) float32 of the given labels.
        fold: (N,) int in [0, folds).
        folds: F.
        neighbourhood: the nearest images of each image from outside its duplicate group.
        neighbours: how many of them vote.
        l2: penalty of a probe.
    """

    evidence: Evidence
    one_hot: np.ndarray
    fold: np.ndarray
    folds: int
    neighbourhood: "Neighbourhood"
    neighbours: int
    l2: float


class Learner(Protocol):
    """A source that learns from labels. All that it answers is (N, K), rows sum to 1, and out of sample."""

    def of_labels(self) -> np.ndarray:
        """Probabilities of the given label."""

    def without_fold(self, fold: int) -> np.ndarray:
        """The same, learned without the labels of this fold too, for the images of the others."""

    def of_posterior(self, posterior: np.ndarray) -> np.ndarray:
        """Probabilities of the true class; images of fold f by what is learned from `posterior[:, f]`.

        Args:
            posterior: (N, F, K) float32.
        """


@dataclass(frozen=True)
class Source:
    """What says which class an image is of, and what is to be known of it. One of `learner` and `pred_probs` is given.

    Attributes:
        name: in the metrics.
        meaning: what it is, in a few words.
        needs: names of evidence; the source counts where all of it is there.
        learner: for a source that learns from labels.
        pred_probs: for one that does not: (N, K) float32 from evidence.
        agreement: whether the probability that it gives to the given label is a column,
            `<name>_label_agreement`: NaN where the source is not there.
    """

    name: str
    meaning: str
    needs: tuple[str, ...] = field(kw_only=True)
    learner: Callable[[Lesson], Learner] | None = field(kw_only=True, default=None)
    pred_probs: Callable[[Evidence], np.ndarray] | None = field(kw_only=True, default=None)
    agreement: bool = field(kw_only=True, default=False)
