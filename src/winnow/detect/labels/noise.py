"""How much label noise there is without a classifier, and where errors are worth calling."""

import numpy as np
import torch
from torch.nn import functional

from winnow.learn.optimizers import Adam

_HOC_STEPS = 400


def consistency_noise_rates(labels: np.ndarray, nearest: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The noise transition matrix from how often an image and its two nearest neighbours agree; needs no classifier.

    Where an image and its neighbours are of one class, their given labels are three independent draws from one row of
    T. T and the share of each true class are fitted, by gradient descent, to how often each label, pair and triple of
    labels was seen.

    Args:
        labels: (N,) int in [0, K), as given.
        nearest: (N, 2) positions of two neighbours that are no copies of the image.
        seed: of the start.

    Returns:
        (K, K) float64 P(given | true) and (K,) float64 shares of the true classes; K is the highest label + 1. Takes
        memory as K to the third and time as K to the fourth: a minute at 100 classes.

    Source: Zhu et al., Clusterability as an Alternative to Anchor Points (HOC), arXiv 2102.05291.
    """
    count = int(labels.max()) + 1
    triple = np.zeros((count,) * 3)
    np.add.at(triple, (labels, labels[nearest[:, 0]], labels[nearest[:, 1]]), 1 / len(labels))
    seen = torch.from_numpy(triple)
    pair, single = (seen.sum(2) + seen.sum(1)) / 2, seen.sum((1, 2))
    generator = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(count, count, generator=generator, dtype=torch.float64)
    rows = (3 * torch.eye(count, dtype=torch.float64) + noise).requires_grad_(True)
    shares = single.clamp_min(1e-6).log().clone().requires_grad_(True)
    optimizer = Adam([rows, shares], lr=0.05)
    for _ in range(_HOC_STEPS):
        rates, share = functional.softmax(rows, 1), functional.softmax(shares, 0)
        of_pair = torch.einsum("t,ti,tj->ij", share, rates, rates)
        of_triple = torch.einsum("t,ti,tj,tk->ijk", share, rates, rates, rates)
        loss = _distance(share @ rates, single) + _distance(of_pair, pair) + _distance(of_triple, seen)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return functional.softmax(rows, 1).detach().numpy(), functional.softmax(shares, 0).detach().numpy()


def _distance(fitted: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    return (fitted - counted).square().sum().sqrt()


def expected_f1_cut(error_probability: np.ndarray) -> tuple[float, float]:
    """The cut above which to call an image faulty so that the expected F1 is highest; needs no truth.

    Args:
        error_probability: (N,) calibrated probabilities of being faulty, [0, 1].

    Returns:
        The lowest probability that is still called faulty (infinity if none is worth it), and the F1 expected there.

    Source: Lipton, Elkan, Narayanaswamy, Thresholding Classifiers to Maximize F1 Score, arXiv 1402.1892.
    """
    falling = np.sort(np.asarray(error_probability, dtype=np.float64))[::-1]
    if not len(falling) or falling[0] <= 0:
        return float("inf"), 0.0
    f1 = 2 * np.cumsum(falling) / (np.arange(1, len(falling) + 1) + falling.sum())
    best = int(f1.argmax())
    return float(falling[best]), float(f1[best])
