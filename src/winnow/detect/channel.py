"""Given labels, foretold by probabilities of the true class that go through the noise rates."""

import numpy as np

_LEAST_LIKELIHOOD = 1e-12


def label_likelihood(labels: np.ndarray, class_probs: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """How likely each given label is for an image that looks so.

    Args:
        labels: (N,) int in [0, K), as given.
        class_probs: (N, K) probabilities of the true class.
        rates: (K, K) P(given label | true class), a row per true class.

    Returns:
        (N,) float in [0, 1].
    """
    likelihood: np.ndarray = np.einsum("nk,nk->n", class_probs, rates.T[labels])
    return likelihood


def channel_log_loss(labels: np.ndarray, class_probs: np.ndarray, rates: np.ndarray) -> float:
    """Mean negative logarithm of `label_likelihood`, taken for 1e-12 at least, in nats; lower is better."""
    likelihood = label_likelihood(labels, class_probs, rates)
    return float(-np.log(np.maximum(likelihood, _LEAST_LIKELIHOOD)).mean())
