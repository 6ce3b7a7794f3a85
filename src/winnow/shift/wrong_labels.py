"""How probable it is that a test row's label is wrong."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import crossval_pred_probs

_FOLDS = 5
_L2 = (1e-3, 1e-2, 1e-1)
_TINY = 1e-6


@dataclass(frozen=True)
class LabelEvidence:
    """What speaks for the labels of a set.

    Attributes:
        label_probability: (N,) float64: probability of the given label before it was given.
        other_class: (N,) int64: the most probable class but the given one.
        num_classes: K.
    """

    label_probability: np.ndarray
    other_class: np.ndarray
    num_classes: int

    def error_probability(self, rate: float | np.ndarray) -> np.ndarray:
        """P(label is wrong) of each row, if a share `rate` of the labels were drawn from the other classes.

        Args:
            rate: a number, or (R, 1) of them.

        Returns:
            (N,) or (R, N) float64 in [0, 1].
        """
        right = (1 - rate) * self.label_probability
        wrong = rate * (1 - self.label_probability) / (self.num_classes - 1)
        return np.asarray(wrong / np.maximum(right + wrong, 1e-300))

    def error_rate(self, counts: np.ndarray, *, steps: int = 40) -> np.ndarray:
        """The share of wrong labels that makes the labels most likely, by expectation maximisation.

        Args:
            counts: (R, N) how often each row counts.
            steps: of the iteration.

        Returns:
            (R, 1) float64 in [0, 1].
        """
        total = np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
        rate = np.full((len(counts), 1), 0.05)
        for _ in range(steps):
            rate = (counts * self.error_probability(rate)).sum(axis=1, keepdims=True) / total
        return rate


def label_evidence(
    labels: np.ndarray, pred_probs: np.ndarray, features: np.ndarray, *, counted: np.ndarray, seed: int
) -> LabelEvidence:
    """Weigh the classifier's word against that of a model of the set itself.

    A row that the classifier gets wrong may be a hard one or wrongly labelled. A probe cross-validated within the set
    knows what its own pictures of a class look like, blurred ones too. The logarithms of both are added with the two
    weights, and the labels have the share of errors, that make the given labels most likely (errors go to any other
    class alike). A probability of the given label near 0 in both is then an error, not a surprise.

    Args:
        labels: (N,) int in [0, K).
        pred_probs: (N, K) of the classifier, which saw none of these labels.
        features: (N, D) float32.
        counted: (N,) bool, the rows to learn from: those that the classifier was not trained on.
        seed: of the folds.
    """
    num_classes = pred_probs.shape[1]
    own = pred_probs
    learnable = np.bincount(labels, minlength=num_classes)[labels] > 1
    if len(labels) >= 4 * _FOLDS and learnable.all():
        folds = stratified_group_folds(labels, np.arange(len(labels)), folds=_FOLDS, seed=seed)
        own = crossval_pred_probs(features, labels, folds, num_classes=num_classes, l2_candidates=_L2).pred_probs
    logs = np.log(np.maximum(np.stack([pred_probs, own]), _TINY)).astype(np.float64)  # (2, N, K)

    def of_label(weights: np.ndarray) -> np.ndarray:
        return np.asarray(_mixed(logs[:, counted], weights)[np.arange(int(counted.sum())), labels[counted]])

    def loss(values: np.ndarray) -> float:
        given = of_label(values[:2])
        rate = values[2]
        return -float(np.log((1 - rate) * given + rate * (1 - given) / max(num_classes - 1, 1)).mean())

    best = minimize(loss, [0.5, 0.5, 0.03], bounds=[(0, 3), (0, 3), (1e-4, 0.5)], method="L-BFGS-B")
    mixed = _mixed(logs, best.x[:2])
    rows = np.arange(len(labels))
    probability = mixed[rows, labels].copy()
    mixed[rows, labels] = -1
    return LabelEvidence(probability, mixed.argmax(axis=1), num_classes)


def _mixed(logs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, K) probabilities in proportion to the exponentials of the weighted sums of logarithms."""
    summed = np.tensordot(weights, logs, axes=1)
    raised = np.exp(summed - summed.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
