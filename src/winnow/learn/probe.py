"""A linear probe, cross-validated: what a model of the other folds says about each label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from winnow.device import best_device
from winnow.errors import NO_LABELS
from winnow.learn.optimizers import LBFGS

_ITERATIONS = 100


@dataclass(frozen=True)
class CrossvalResult:
    """Out-of-sample probabilities and how they were chosen.

    Attributes:
        pred_probs: (N, K) float32, rows sum to 1; each row from a model that saw no label of the row's fold.
        l2: the penalty chosen.
        log_loss: mean held-out log-loss against the given labels, by penalty; none where there are no labels.
        accuracy: share of held-out images whose most probable class is the given label.
    """

    pred_probs: np.ndarray
    l2: float
    log_loss: dict[float, float]
    accuracy: float

    @property
    def summary(self) -> str:
        """A line."""
        if not self.log_loss:
            return f"skipped: {NO_LABELS}"
        return f"the probe agrees with {self.accuracy:.1%} of the given labels (l2 {self.l2})"

    def metrics(self, labels: np.ndarray) -> dict[str, Any]:
        """Figures of a run, rates beside their counts; `labels` are the (N,) given ones."""
        if not self.log_loss:
            return {"images": len(labels), "skipped": NO_LABELS}
        disagreeing = int((self.pred_probs.argmax(axis=1) != labels).sum())
        return {
            "images": len(labels),
            "accuracy": self.accuracy,
            "disagreeing": disagreeing,
            "disagreement": disagreeing / len(labels),
            "log_loss": self.log_loss[self.l2],
            "l2": self.l2,
            "log_loss_by_l2": {str(l2): loss for l2, loss in self.log_loss.items()},
        }


def crossval_pred_probs(
    features: np.ndarray,
    labels: np.ndarray,
    folds: np.ndarray | Sequence[np.ndarray],
    *,
    num_classes: int,
    l2_candidates: Sequence[float],
) -> CrossvalResult:
    """Predict each image's class by multinomial logistic regression on the images of the other folds.

    Minimises mean cross-entropy + l2 / 2 * ||weights||^2 (no penalty on the bias) on the features' first 512 principal
    components, centred and scaled by one number to unit variance on average. The penalty is the candidate with the
    least log-loss on held-out images: with wrong labels a weak one learns them.

    Args:
        features: (N, D) float32.
        labels: (N,) int in [0, num_classes), as given; without classes they are not looked at.
        folds: (N,) int, rows of one fold are predicted by a model of the others; or several such splits, over which
            the probabilities are averaged. The first chooses the penalty.
        num_classes: K.
        l2_candidates: penalties to choose from.

    Returns:
        The probabilities under the best penalty. The same machine gives the same bytes again.
    """
    if not num_classes:
        return CrossvalResult(np.zeros((len(labels), 0), np.float32), max(l2_candidates), {}, float("nan"))
    splits = [np.unique(fold, return_inverse=True)[1] for fold in np.atleast_2d(folds)]
    labels = np.asarray(labels, dtype=np.int64)
    probe = LinearProbe(features)
    target = np.eye(num_classes, dtype=np.float32)[labels]
    rows = np.arange(len(labels))

    log_loss: dict[float, float] = {}
    weights = None
    for l2 in sorted(l2_candidates, reverse=True):  # from simple to complex, each starting from the last
        weights = probe.fit(target, others_of(splits[0]), l2=l2, start=weights)
        held_out = probe.predict(weights)[rows, splits[0]]
        log_loss[l2] = float(-np.log(np.maximum(held_out[rows, labels], 1e-30), dtype=np.float64).mean())
        if l2 == min(log_loss, key=log_loss.__getitem__):  # of equally good ones the simplest
            best_l2, best_weights, best = l2, weights, held_out
    of_splits = [best]
    for split in splits[1:]:
        start = best_weights if split.max() == splits[0].max() else None
        weights = probe.fit(target, others_of(split), l2=best_l2, start=start)
        of_splits.append(probe.predict(weights)[rows, split])
    pred_probs: np.ndarray = np.stack(of_splits).mean(axis=0, dtype=np.float32)
    return CrossvalResult(
        pred_probs=pred_probs,
        l2=best_l2,
        log_loss=log_loss,
        accuracy=float((pred_probs.argmax(axis=1) == labels).mean()),
    )


def others_of(fold: np.ndarray) -> np.ndarray:
    """(N, F) bool: column f holds the rows that are not in fold f, on which fold f's model is fitted."""
    others: np.ndarray = fold[:, None] != np.arange(fold.max() + 1)
    return others


class LinearProbe:
    """Logistic regressions on one set of features, any number of them solved side by side."""

    def __init__(self, features: np.ndarray, *, directions: int = 512):
        """Take the first principal components of (N, D) float32 features, on the GPU if there is one.

        All 1,280 directions of MobileNetV2 take more than twice the time of 512. The ensemble's figures do not need
        them; a probe alone that learns from clean labels gains a point of accuracy.
        """
        device = best_device()
        centred = torch.tensor(features, dtype=torch.float32, device=device)
        centred = centred - centred.mean(dim=0)
        centred /= centred.square().mean().sqrt().clamp_min(1e-12)
        # In the covariance's eigenbasis the Hessian is nearly diagonal, and dividing each direction by the root of
        # its curvature makes it nearly the identity: L-BFGS then needs 10 to 30 steps instead of hundreds.
        covariance = (centred.T @ centred).double() / len(centred)
        variance, basis = torch.linalg.eigh(covariance)
        variance, basis = variance[-directions:], basis[:, -directions:]
        self.inputs = torch.hstack([centred @ basis.float(), torch.ones_like(centred[:, :1])])  # (N, d + 1)
        self.variance = torch.hstack([variance.clamp_min(0).float(), variance.new_ones(1).float()])

    def fit(
        self, target: np.ndarray, training: np.ndarray, *, l2: float, start: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Fit M regressions.

        Args:
            target: (N, K) float32 class probabilities for all M, or (N, M, K) for each.
            training: (N, M) bool or float weights: the rows that each is fitted on.
            l2: penalty.
            start: weights to start from, of an earlier fit with as many models and classes.

        Returns:
            (d + 1, M, K) float32 weights.
        """
        device = self.inputs.device
        targets = torch.as_tensor(target, dtype=torch.float32, device=device)
        targets = targets[:, None] if targets.ndim == 2 else targets
        share = torch.as_tensor(training, dtype=torch.float32, device=device)
        share = share / share.sum(dim=0)
        models, classes = share.shape[1], targets.shape[2]
        penalty = torch.full_like(self.variance, l2)
        penalty[-1] = 0  # the bias
        uniform = 1 / max(classes, 2)  # one class alone has no curvature at all
        curvature = uniform * (1 - uniform)  # of cross-entropy at uniform probabilities
        scale = (self.variance * curvature + penalty).rsqrt()[:, None, None]
        shape = (len(scale), models, classes)
        scaled = torch.zeros(shape, device=device) if start is None else start / scale
        scaled.requires_grad_(True)
        optimizer = LBFGS(
            [scaled], max_iter=_ITERATIONS, tolerance_grad=1e-5, tolerance_change=1e-6, line_search_fn="strong_wolfe"
        )

        def objective() -> torch.Tensor:
            optimizer.zero_grad()
            weights = scaled * scale
            loss = -(functional.log_softmax(self._logits(weights), dim=2) * targets).sum(dim=2)  # (N, M)
            total = (loss * share).sum() + (penalty[:, None, None] * weights.square()).sum() / 2
            total.backward()
            return total

        optimizer.step(objective)
        return (scaled * scale).detach()

    def predict(self, weights: torch.Tensor) -> np.ndarray:
        """(N, M, K) float32 probabilities of all rows by all models."""
        return functional.softmax(self._logits(weights), dim=2).cpu().numpy()

    def _logits(self, weights: torch.Tensor) -> torch.Tensor:
        return (self.inputs @ weights.flatten(1)).view(-1, *weights.shape[1:])
