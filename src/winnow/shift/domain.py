"""Which set a row comes from: a classifier of sets, and whether the two overlap at all."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from winnow.learn.probe import LinearProbe, others_of

_FOLDS = 5
_LEAST_ROWS = 10
_L2 = (1.0, 0.1, 0.01)
MOST_AUC = 0.9
"""Above it two sets hardly overlap, and what is asked about alike rows has no answer."""
LEAST_OVERLAP = 0.2
"""Likewise below it: the mean of 2 min(p, 1 - p), which is 1 where nothing tells the sets apart."""


@dataclass(frozen=True)
class Domain:
    """What a cross-validated classifier of sets says, as if both sets were equally large.

    Attributes:
        of_a, of_b: (N,) and (M,) float64, probability of set B.
        auc: area under its ROC curve, 0.5 where the sets are alike.
        overlap: mean of 2 min(p, 1 - p) over both sets, 1 where they are alike.
    """

    of_a: np.ndarray
    of_b: np.ndarray
    auc: float
    overlap: float

    @property
    def withheld(self) -> str:
        """Why the sets cannot be compared row by row, in words; empty where they can."""
        if self.auc > MOST_AUC:
            return apart(self.auc)
        if self.overlap < LEAST_OVERLAP:
            return f"the sets overlap by {self.overlap:.2f} (limit {LEAST_OVERLAP})"
        return ""


def apart(auc: float) -> str:
    """Why sets that a classifier tells apart so well are not compared."""
    return f"a classifier tells the sets apart with an AUC of {auc:.2f} (limit {MOST_AUC})"


def class_auc(of_a: np.ndarray, of_b: np.ndarray) -> float:
    """How well the classifier of several classes' sets tells those of one class apart; NaN for under ten rows.

    Args:
        of_a, of_b: (N,) and (M,) probability of set B, of the rows of the class.
    """
    if min(len(of_a), len(of_b)) < _LEAST_ROWS:
        return float("nan")
    return float(roc_auc_score(np.repeat([0, 1], [len(of_a), len(of_b)]), np.concatenate([of_a, of_b])))


def tell_apart(
    features_a: np.ndarray,
    features_b: np.ndarray,
    *,
    weights_a: np.ndarray | None = None,
    weights_b: np.ndarray | None = None,
    seed: int,
) -> Domain:
    """Cross-validate a logistic regression that tells rows of A from rows of B (classifier two-sample test).

    The penalty is the one of least held-out log-loss, so that where nothing tells them apart all probabilities are
    near a half.

    Args:
        features_a, features_b: (N, D) and (M, D) float32, two rows each at least.
        weights_a, weights_b: (N,) and (M,) how much each row counts; 1 without them.
        seed: of the folds.

    Source: Lopez-Paz and Oquab, arXiv 1610.06545.
    """
    features = np.concatenate([features_a, features_b]).astype(np.float32)
    target = np.repeat([0, 1], [len(features_a), len(features_b)])
    weights = np.concatenate(
        [
            _scaled(np.ones(len(rows)) if given is None else given)
            for rows, given in ((features_a, weights_a), (features_b, weights_b))
        ]
    )
    rng = np.random.default_rng(seed)
    folds = np.empty(len(target), dtype=np.int64)
    for value in (0, 1):
        members = rng.permutation(np.flatnonzero(target == value))
        folds[members] = np.arange(len(members)) % _FOLDS
    probe = LinearProbe(features, directions=int(np.clip(len(features) // 4, 2, 256)))
    one_hot = np.eye(2, dtype=np.float32)[target]
    training = others_of(folds) * weights[:, None]
    for value in (0, 1):  # both sets weigh the same in each fold
        members = target == value
        training[members] /= np.maximum(training[members].sum(axis=0), 1e-12)
    rows = np.arange(len(target))
    start: torch.Tensor | None = None
    best, least = np.full(len(target), 0.5), np.log(2.0)
    for l2 in _L2:
        start = probe.fit(one_hot, training, l2=l2, start=start)
        found = probe.predict(start)[rows, folds, 1].astype(np.float64)
        given = np.clip(np.where(target == 1, found, 1 - found), 1e-6, 1)
        loss = -float((weights * np.log(given)).sum() / weights.sum())
        if loss < least:
            best, least = found, loss
    auc = float(roc_auc_score(target, best, sample_weight=weights)) if weights.min() >= 0 else 0.5
    overlap = float((weights * 2 * np.minimum(best, 1 - best)).sum() / weights.sum())
    return Domain(best[target == 0], best[target == 1], auc, overlap)


def _scaled(weights: np.ndarray) -> np.ndarray:
    """Weights that sum to 1."""
    return np.asarray(weights / max(weights.sum(), 1e-12))
