"""How probable it is that a test row's label is wrong."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import crossval_pred_probs

_FOLDS = 5
_L2 = (1e-3, 1e-2, 1e-1)
_TINY = 1e-6
_LEAST = 1e-300
_BOUNDS = ((0.0, 3.0), (0.0, 3.0), (0.0, 1.0), (1e-4, 0.5))  # two weights, the bend, the error rate


SUSPECT = 0.5
"""A label that is wrong with this probability or more is shown to people as a suspect."""


@dataclass(frozen=True)
class LabelEvidence:
    """What speaks for the labels of a set.

    Attributes:
        label_probability: (N,) float64: probability of the given label before it was given.
        other_class: (N,) int64: the most probable class but the given one.
        num_classes: K.
        influence: (N, 3) float64: how far the three weights that `label_probability` rests on move, to first order, if
            a row counts once more. Zero for rows that they were not learned from.
        sensitivity: (N, 3) float64: how far the log-odds of `label_probability` move with each weight.
        known: (N,) float64: 1 where people found the label as given wrong, 0 where right, NaN where nobody looked; None
            where nobody looked at all.
    """

    label_probability: np.ndarray
    other_class: np.ndarray
    num_classes: int
    influence: np.ndarray
    sensitivity: np.ndarray
    known: np.ndarray | None = None

    def error_probability(self, counts: np.ndarray, *, steps: int = 40) -> np.ndarray:
        """P(label is wrong) of each row, under the share of wrong labels that makes the labels most likely.

        Wrong labels are drawn from the other classes alike. Their share is found by expectation maximisation, anew for
        each resample, and the weights move with it: so that a spread over resamples holds what all of them are unsure
        of. What people found counts for the share as it is.

        Args:
            counts: (R, N) how often each row counts.
            steps: of the iteration.

        Returns:
            (R, N) float64 in [0, 1].
        """
        moved = (counts - 1) @ self.influence @ self.sensitivity.T
        given = expit(logit(np.maximum(self.label_probability, _LEAST)) + moved)
        other = (1 - given) / max(self.num_classes - 1, 1)
        total = np.maximum(counts.sum(axis=1, keepdims=True), _LEAST)
        rate = np.full((len(counts), 1), 0.05)
        for _ in range(steps):
            rate = (counts * self._wrong(given, other, rate)).sum(axis=1, keepdims=True) / total
        return self._wrong(given, other, rate)

    def _wrong(self, given: np.ndarray, other: np.ndarray, rate: np.ndarray) -> np.ndarray:
        wrong = np.asarray(rate * other / ((1 - rate) * given + rate * other))
        return wrong if self.known is None else np.where(np.isnan(self.known), wrong, self.known)


def label_evidence(
    labels: np.ndarray,
    pred_probs: np.ndarray,
    features: np.ndarray,
    *,
    counted: np.ndarray,
    seed: int,
    known: np.ndarray | None = None,
) -> LabelEvidence:
    """Weigh the classifier's word against that of a model of the set itself.

    A row that the classifier gets wrong may be a hard one or wrongly labelled. A probe cross-validated within the set
    knows what its own pictures of a class look like, blurred ones too. The logarithms of both are added with the two
    weights, and the labels have the share of errors, that make the given labels most likely (errors go to any other
    class alike). A probability of the given label near 0 in both is then an error, not a surprise.

    Two models that are each unsure by chance disagree at random: what their sum calls improbable is rarer still. With
    straight weights those tails are too heavy, and wrong labels hide in them. So a third
    weight bends the sum downwards, by its square.

    Args:
        labels: (N,) int in [0, K); where people judged, the right one.
        pred_probs: (N, K) of the classifier, which saw none of these labels.
        features: (N, D) float32.
        counted: (N,) bool, the rows to learn from: those that the classifier was not trained on.
        seed: of the folds.
        known: as of `LabelEvidence`. Of what people judged, both the right label and whether the given one is it are
            made most likely: whom they chose to judge by labels and features does not matter then.
    """
    num_classes = pred_probs.shape[1]
    own = pred_probs
    learnable = np.bincount(labels, minlength=num_classes)[labels] > 1
    if len(labels) >= 4 * _FOLDS and learnable.all():
        folds = stratified_group_folds(labels, np.arange(len(labels)), folds=_FOLDS, seed=seed)
        own = crossval_pred_probs(features, labels, folds, num_classes=num_classes, l2_candidates=_L2).pred_probs
    logs = np.log(np.maximum(np.stack([pred_probs, own]), _TINY)).astype(np.float64)  # (2, N, K)
    pool = _Pool(logs[:, counted], labels[counted], None if known is None else known[counted])
    found = minimize(
        lambda values: _negative(*pool.likelihood(values)),
        [0.5, 0.5, 0.0, 0.03],
        jac=True,
        bounds=_BOUNDS,
        method="L-BFGS-B",
    )
    free = np.array([low < value < high for value, (low, high) in zip(found.x, _BOUNDS, strict=True)])
    scores = pool.likelihood(found.x)[1] * free
    information = scores.T @ scores + np.eye(len(found.x))  # the identity: a prior as wide as 1
    influence = np.zeros((len(labels), 3))
    influence[counted] = np.linalg.solve(information, scores.T).T[:, :3]
    probs, sensitivity = _Pool(logs, labels).probabilities(found.x[:3])
    rows = np.arange(len(labels))
    probability = probs[rows, labels].copy()
    probs[rows, labels] = -1
    return LabelEvidence(probability, probs.argmax(axis=1), num_classes, influence, sensitivity * free[:3], known)


@dataclass(frozen=True)
class _Pool:
    """Two models' (2, N, K) log-probabilities of rows with (N,) labels, and (N,) what people know of these."""

    logs: np.ndarray
    labels: np.ndarray
    known: np.ndarray | None = None

    def probabilities(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, K) probabilities, and the (N, 3) derivatives of the log-odds of the given label by the weights.

        Proportional to the exponential of s - bend * s^2, where s is the weighted sum less that of the best class.
        """
        rows = np.arange(len(self.labels))
        summed = np.tensordot(weights[:2], self.logs, axes=1)
        best = summed.argmax(axis=1)
        summed -= summed[rows, best][:, None]
        raised = np.exp(summed - weights[2] * summed**2)
        probs = raised / raised.sum(axis=1, keepdims=True)
        others = probs.copy()
        others[rows, self.labels] = 0
        others /= np.maximum(others.sum(axis=1, keepdims=True), _LEAST)
        slope = 1 - 2 * weights[2] * summed
        by_weight = [slope * (logs - logs[rows, best][:, None]) for logs in self.logs] + [-(summed**2)]
        odds = [one[rows, self.labels] - (others * one).sum(axis=1) for one in by_weight]
        return probs, np.stack(odds, axis=1)

    def likelihood(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) log-likelihood of the labels, and its (N, 4) derivatives by the three weights and the error rate."""
        probs, odds = self.probabilities(values[:3])
        rate, wrong_classes = values[3], max(probs.shape[1] - 1, 1)
        given = probs[np.arange(len(self.labels)), self.labels]
        other = (1 - given) / wrong_classes
        total, slope, by_rate = (1 - rate) * given + rate * other, 1 - rate - rate / wrong_classes, other - given
        if self.known is not None:
            cases = [self.known == 0, self.known == 1]
            total = np.select(cases, [(1 - rate) * given, rate / wrong_classes * given], total)
            slope = np.select(cases, [1 - rate, rate / wrong_classes], slope)
            by_rate = np.select(cases, [-given, given / wrong_classes], by_rate)
        total = np.maximum(total, _LEAST)
        by_odds = slope * given * (1 - given) / total
        return np.log(total), np.hstack([by_odds[:, None] * odds, (by_rate / total)[:, None]])


def _negative(logs: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean loss and its gradient."""
    return -float(logs.mean()), -scores.mean(axis=0)
