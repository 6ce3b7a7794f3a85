"""A linear probe, cross-validated: what the images' neighbours in feature space say about each label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

_ITERATIONS = 100


@dataclass(frozen=True)
class CrossvalResult:
    """Out-of-sample probabilities and how they were chosen.

    Attributes:
        pred_probs: (N, K) float32, rows sum to 1; each row from a model that saw no label of the row's fold.
        l2: the penalty chosen.
        log_loss: mean held-out log-loss against the given labels, by penalty.
        accuracy: share of held-out images whose most probable class is the given label.
    """

    pred_probs: np.ndarray
    l2: float
    log_loss: dict[float, float]
    accuracy: float


def crossval_pred_probs(
    features: np.ndarray, labels: np.ndarray, fold: np.ndarray, *, num_classes: int, l2_candidates: Sequence[float]
) -> CrossvalResult:
    """Predict each image's class by multinomial logistic regression on the images of the other folds.

    Minimises mean cross-entropy + l2 / 2 * ||weights||^2 (no penalty on the bias) on features that are centred and
    scaled by one number to unit variance on average over their dimensions. The penalty is the candidate with the
    least log-loss on held-out images: with wrong labels a weak one learns them.

    Args:
        features: (N, D) float32.
        labels: (N,) int in [0, num_classes), as given.
        fold: (N,) int; rows of one fold are predicted by a model of the others.
        num_classes: K.
        l2_candidates: penalties to choose from.

    Returns:
        The probabilities under the best penalty. The same machine gives the same bytes again.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _, fold = np.unique(fold, return_inverse=True)
    held_out = torch.from_numpy(fold).to(device)
    target = torch.tensor(labels, dtype=torch.int64, device=device)
    problem = _Problem(torch.from_numpy(features).to(device), target, held_out, num_classes)

    log_loss: dict[float, float] = {}
    best = torch.empty(0)
    weights = None
    for l2 in sorted(l2_candidates, reverse=True):  # from simple to complex, each starting from the last
        weights = problem.fit(l2, start=weights)
        log_probs = problem.held_out_log_probs(weights)
        log_loss[l2] = functional.nll_loss(log_probs.double(), target).item()
        if log_loss[l2] == min(log_loss.values()):
            best = log_probs
    pred_probs = best.exp().cpu().numpy()
    return CrossvalResult(
        pred_probs=pred_probs,
        l2=min(log_loss, key=log_loss.__getitem__),
        log_loss=log_loss,
        accuracy=float((pred_probs.argmax(axis=1) == np.asarray(labels)).mean()),
    )


class _Problem:
    """The regressions of all F folds, solved side by side as one of F * K outputs."""

    def __init__(self, features: torch.Tensor, target: torch.Tensor, held_out: torch.Tensor, num_classes: int):
        centred = features - features.mean(dim=0)
        centred /= centred.square().mean().sqrt().clamp_min(1e-12)
        # In the covariance's eigenbasis the Hessian is nearly diagonal, and dividing each direction by the root of
        # its curvature makes it nearly the identity: L-BFGS then needs 10 to 30 steps instead of hundreds.
        covariance = (centred.T @ centred).double() / len(centred)
        variance, basis = torch.linalg.eigh(covariance)
        self.inputs = torch.hstack([centred @ basis.float(), torch.ones_like(centred[:, :1])])  # (N, D + 1)
        self.variance = torch.hstack([variance.clamp_min(0).float(), variance.new_ones(1).float()])
        self.target, self.held_out, self.num_classes = target, held_out, num_classes
        self.folds = int(held_out.max()) + 1
        training = held_out[:, None] != torch.arange(self.folds, device=held_out.device)  # (N, F)
        self.share = training / training.sum(dim=0)

    def logits(self, weights: torch.Tensor) -> torch.Tensor:
        """(N, F, K) of `weights` (D + 1, F * K)."""
        return (self.inputs @ weights).view(-1, self.folds, self.num_classes)

    def fit(self, l2: float, *, start: torch.Tensor | None) -> torch.Tensor:
        """(D + 1, F * K) weights that minimise the sum of the folds' objectives."""
        penalty = torch.full_like(self.variance, l2)
        penalty[-1] = 0  # the bias
        curvature = (1 - 1 / self.num_classes) / self.num_classes  # of cross-entropy at uniform probabilities
        scale = (self.variance * curvature + penalty).rsqrt()[:, None]
        shape = (len(scale), self.folds * self.num_classes)
        scaled = torch.zeros(shape, device=scale.device) if start is None else start / scale
        scaled.requires_grad_(True)
        optimizer = torch.optim.LBFGS(
            [scaled], max_iter=_ITERATIONS, tolerance_grad=1e-5, tolerance_change=1e-6, line_search_fn="strong_wolfe"
        )
        target = self.target[:, None].expand(-1, self.folds)

        def objective() -> torch.Tensor:
            optimizer.zero_grad()
            weights = scaled * scale
            loss = functional.cross_entropy(self.logits(weights).movedim(2, 1), target, reduction="none")  # (N, F)
            total = (loss * self.share).sum() + (penalty[:, None] * weights.square()).sum() / 2
            total.backward()
            return total

        optimizer.step(objective)
        return (scaled * scale).detach()

    def held_out_log_probs(self, weights: torch.Tensor) -> torch.Tensor:
        """(N, K) of the model that did not see the row."""
        rows = torch.arange(len(self.target), device=self.target.device)
        return functional.log_softmax(self.logits(weights)[rows, self.held_out], dim=1)
