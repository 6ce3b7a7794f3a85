"""Which weights features side by side get: those that foretell the given labels best, through the noise in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from winnow.encoders.columns import concatenated
from winnow.learn.channel import (
    at_temperature,
    channel_log_loss,
    noise_rates,
    refined_rates,
    temperature,
    true_class_probs,
)
from winnow.learn.probe import crossval_pred_probs
from winnow.progress import progress

_L2 = (0.01, 0.1)  # of the probe that judges weights

Weights = tuple[float, ...]


@dataclass(frozen=True)
class HeldOutLogLoss:
    """How badly a linear probe on features of each weights predicts the labels of images that it did not see.

    Attributes:
        plain: mean log-loss against the given labels by the probe's own probabilities, nats; lower is better.
        by_channel: the same by its probabilities of the true class, sent through the noise rates.
    """

    plain: dict[Weights, float]
    by_channel: dict[Weights, float]

    @property
    def best(self) -> Weights:
        """The weights of the least log-loss through the noise channel; of equals those of the least plain one."""
        return min(self.by_channel, key=lambda weights: (self.by_channel[weights], self.plain[weights]))


def held_out_log_loss(
    features: Sequence[np.ndarray],
    candidates: Sequence[Weights],
    labels: np.ndarray,
    fold: np.ndarray,
    *,
    num_classes: int,
) -> HeldOutLogLoss:
    """Judge weights without a truth, by a linear probe on the weighted features.

    The probe predicts the given labels, faults and all. Its probabilities become those of the true class, as those of
    `winnow.detect.labels.label_issues` do, and go through the noise rates to the given labels.

    The noise is the labels' own, whatever the features are: all candidates go through the same rates, estimated by the
    probabilities of the candidate of the least plain log-loss. So none is judged by rates that were fitted to it alone,
    but that one, which a near tie may favour.

    Args:
        features: (N, D_i) float32 of each encoder, rows of length 1.
        candidates: weights to try, one for each encoder.
        labels: (N,) int in [0, num_classes), as given.
        fold: (N,) int; rows of one fold are predicted by a probe of the others.
        num_classes: K, at least 1.

    Returns:
        Both log-losses by candidate, under the penalty of the probe with the lesser plain one.
    """
    plain, pred_probs = {}, {}
    with progress("weigh the encoders", len(candidates)) as report:
        for weights in candidates:
            result = crossval_pred_probs(
                concatenated(features, weights), labels, fold, num_classes=num_classes, l2_candidates=_L2
            )
            plain[weights], pred_probs[weights] = result.log_loss[result.l2], result.pred_probs
            report(1)
    rates = _rates(labels, pred_probs[min(plain, key=plain.__getitem__)])
    by_channel = {
        weights: channel_log_loss(labels, _class_probs(labels, probs, rates), rates)
        for weights, probs in pred_probs.items()
    }
    return HeldOutLogLoss(plain, by_channel)


def _rates(labels: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """(K, K) noise rates from (N, K) out-of-sample probabilities of the given labels."""
    rates = noise_rates(labels, pred_probs)
    return refined_rates(labels, _class_probs(labels, pred_probs, rates), rates)


def _class_probs(labels: np.ndarray, pred_probs: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """(N, K) probabilities of the true class from (N, K) ones of the given label, as sure as they are right."""
    class_probs = true_class_probs(pred_probs, rates)
    return at_temperature(class_probs, temperature(labels, class_probs, rates))
