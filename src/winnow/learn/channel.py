"""Label noise as a channel: the true class goes in, the given label comes out.

Its rates, its inverse, and how well probabilities of the true class foretell the given labels through it.
"""

import numpy as np
from cleanlab.count import compute_confident_joint
from scipy import optimize, sparse, special

# Steps of the deconvolution: converged for scoring, too few to fit the sampling noise of a vote of twenty.
_STEPS = 20
_REFINING_STEPS = 10
_TEMPERATURES = (0.25, 2.0)
_LEAST_GAIN = 1e-9  # nats; less is rounding
# A label that no class gives, by the rates, says nothing; one that most classes never give does not say everything.
_LEAST_RATE = 1e-12
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


def noise_rates(labels: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """The noise transition matrix, by confident learning.

    Args:
        labels: (N,) int in [0, K), as given.
        pred_probs: (N, K), out of sample, of the given labels.

    Returns:
        (K, K) float64, P(given label | true class): a row per true class, rows sum to 1.

    Source: Northcutt et al., Confident Learning, arXiv 1911.00068 (the calibrated confident joint).
    """
    counts: np.ndarray = compute_confident_joint(labels, pred_probs, calibrate=True)  # (given, true)
    joint = counts.T.astype(np.float64)
    total = joint.sum(axis=1, keepdims=True)
    rates: np.ndarray = np.divide(joint, total, out=np.eye(len(joint)), where=total > 0)
    return rates


def true_class_probs(pred_probs: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """From probabilities of the given label to probabilities of the true class.

    An image whose true class is distributed as p has given labels distributed as p T. Richardson and Lucy's steps,
    which are expectation maximisation for p, find the distribution p on the simplex whose p T is closest to the
    predicted one in Kullback-Leibler divergence. An inverse of T would leave the simplex.

    Args:
        pred_probs: (N, K), rows sum to 1.
        rates: (K, K) T of `noise_rates`.

    Returns:
        (N, K) float64, rows sum to 1.

    Sources: Patrini et al., arXiv 1609.03683 (the channel); Richardson 1972 and Lucy 1974 (the deconvolution).
    """
    predicted = pred_probs.astype(np.float64)
    true: np.ndarray = np.full_like(predicted, 1 / len(rates))
    for _ in range(_STEPS):
        true *= (predicted / np.maximum(true @ rates, 1e-12)) @ rates.T
    true /= true.sum(axis=1, keepdims=True)
    return true


def temperature(labels: np.ndarray, class_probs: np.ndarray, rates: np.ndarray) -> float:
    """The temperature at which probabilities of the true class, sent through the channel, explain the labels best.

    The mean of several sources is less sure than it is right: where all agree, it is no surer than one of them.

    Args:
        labels: (N,) int in [0, K), as given.
        class_probs: (N, K) probabilities of the true class that the image's own label had no part in.
        rates: (K, K) T of `noise_rates`.

    Returns:
        For `at_temperature`, in [0.25, 2]; below 1 sharpens; 1 where none explains them better. In hundredths, as finer
        steps follow the last bits of sums.

    Sources: Guo et al., arXiv 1706.04599 (temperature scaling); Ranjan and Gneiting, Combining Probability Forecasts,
    2010 (a mean of calibrated probabilities is underconfident).
    """

    logs = _logs(class_probs)

    def log_loss(log_temperature: float) -> float:
        return channel_log_loss(labels, special.softmax(logs / np.exp(log_temperature), axis=1), rates)

    found = optimize.minimize_scalar(log_loss, bounds=np.log(_TEMPERATURES), method="bounded", options={"xatol": 1e-3})
    better = found.fun < log_loss(0.0) - _LEAST_GAIN
    return round(float(np.exp(found.x)), 2) if better else 1.0


def at_temperature(class_probs: np.ndarray, temperature: float) -> np.ndarray:
    """(N, K) float64: the probabilities to the power of 1 / temperature, rows sum to 1 again."""
    scaled: np.ndarray = special.softmax(_logs(class_probs) / temperature, axis=1)
    return scaled


def refined_rates(labels: np.ndarray, class_probs: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """The noise transition matrix once more, from better probabilities than those that it was estimated with.

    Steps of expectation maximisation, each averaged with `rates`: alone they would take what the probabilities leave
    open for what the noise does, and find too little noise.

    Args:
        labels: (N,) int in [0, K), as given.
        class_probs: (N, K) probabilities of the true class that the image's own label had no part in.
        rates: (K, K) T of `noise_rates`.

    Returns:
        (K, K) float64, P(given label | true class), rows sum to 1.

    Source: Dawid and Skene, Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm, 1979.
    """
    ones, rows = np.ones(len(labels)), np.arange(len(labels))
    of_label = sparse.csr_array((ones, (labels, rows)), shape=(len(rates), len(labels)))  # sums up by given label
    refined = rates
    for _ in range(_REFINING_STEPS):
        true = class_probs * refined[:, labels].T
        true /= np.maximum(true.sum(axis=1, keepdims=True), _LEAST_RATE)
        joint = (of_label @ true).T + true.sum(axis=0)[:, None] * rates
        total = joint.sum(axis=1, keepdims=True)
        refined = np.divide(joint, total, out=rates.copy(), where=total > 0)
    return refined


def posterior(
    labels: np.ndarray, class_probs: np.ndarray, rates: np.ndarray, *, groups: np.ndarray | None = None
) -> np.ndarray:
    """What the true class is once the given label is known too, by Bayes: proportional to p(true) T[true, given].

    Copies of one picture have one true class, and each of their labels is a witness to it: their likelihoods multiply.

    Args:
        labels: (N,) int in [0, K), as given.
        class_probs: (N, K) probabilities of the true class that the image's own label had no part in.
        rates: (K, K) T of `noise_rates`.
        groups: (N,) int, equal for copies, whose `class_probs` are equal too; None if there are none.

    Returns:
        (N, K) float64, rows sum to 1; equal within a group.
    """
    witness = np.log(np.maximum(rates[:, labels].T, _LEAST_RATE))
    if groups is not None:
        _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
        together = np.zeros((len(size), len(rates)))
        np.add.at(together, group, witness)
        witness = together[group]
    after: np.ndarray = special.softmax(_logs(class_probs) + witness, axis=1)
    return after


def _logs(class_probs: np.ndarray) -> np.ndarray:
    # The floor lies below that of the rates: what cannot be is not made likely by an odd label.
    logs: np.ndarray = np.log(np.maximum(class_probs, _LEAST_RATE**2))
    return logs
