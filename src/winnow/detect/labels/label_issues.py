"""Which labels are wrong, and what they should be: several sources, heard together, and asked once more."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.detect.labels.noise import expected_f1_cut, noise_rates, posterior, true_class_probs
from winnow.detect.labels.pooling import pool_over_groups
from winnow.detect.labels.vote import Neighbourhood, knn_vote, neighbourhood
from winnow.learn.probe import LinearProbe, others_of

# Any class may be given any label: pictures that nobody can read, and slips, follow no confusion of classes. From 5 to
# 20 % the F1 on CIFAR-10N and the sample is the same within 0.01; on handwritten numerals more is better.
_RANDOM_SHARE = 0.2
# An error less likely than this is none to report: where the best cut lies lower, there is little to find.
_LEAST_ERROR = 0.1
_STEPS = 50  # of the mixture weights' expectation maximisation


@dataclass(frozen=True)
class LabelScores:
    """What `score_labels` found.

    Attributes:
        frame: a row per image: `label_quality_score` (probability that the given label is the true one, [0, 1], lower
            is worse), `is_label_issue` (at `cut` or below), `suggested_label` and `suggested_confidence` (the most
            probable class if every class were equally frequent, and its probability then), `agreeing_sources` of
            `sources` (whose most probable class is the suggested label), `knn_label_agreement` (the vote's share for
            the given label), `zero_shot_label_agreement` (its probability of the given label; NaN without),
            `signals_agree` (the given label is every source's most probable class).
        class_probs: (N, K) float32 probabilities of the true class that the image's own label had no part in.
        noise_rates: (K, K) float64 P(given label | true class), a row per true class.
        nearest: (N, 2) int64 positions of the two nearest images that are no copies.
        source_weights: by source, sums to 1.
        cut: the highest label quality that is still called an error so that the expected F1 is highest; 0 where
            nothing is worth calling one.
        expected_f1: the F1 expected there; 0 where nothing is.
    """

    frame: pd.DataFrame
    class_probs: np.ndarray
    noise_rates: np.ndarray
    nearest: np.ndarray
    source_weights: dict[str, float]
    cut: float
    expected_f1: float


def score_labels(
    labels: np.ndarray,
    pred_probs: np.ndarray,
    features: np.ndarray,
    *,
    fold: np.ndarray,
    l2: float,
    neighbours: int,
    zero_shot_pred_probs: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> LabelScores:
    """Score every given label by what two or three sources say the true one is.

    Round one: the probe and the neighbours learned from the given labels, so they predict those, faults and all;
    their mean is deconvolved with the noise rates into probabilities of the true class. Round two: both learn again,
    from what round one believes of the images instead of from their labels. Zero-shot, which saw no labels, joins in
    both. The sources are weighted by how well they explain the given labels. The given label itself enters last, by
    Bayes, so that one threshold means the same at any noise rate, overall or of a class.

    No label has a part in its own image's `class_probs`, in either round: what round two learns from was believed
    without the labels of the fold that it is asked about. Only the (K, K) noise rates, the penalty and the sources'
    weights come from all labels.

    Args:
        labels: (N,) int in [0, K), as given.
        pred_probs: (N, K) float32 of a probe of the given labels, out of sample.
        features: (N, D) float32, L2-normalised.
        fold: (N,) int in [0, F), F at least 3; copies of a picture share one.
        l2: penalty of the probe.
        neighbours: how many vote.
        zero_shot_pred_probs: (N, K) float32, or None.
        groups: (N,) int duplicate groups, or None; members share their `class_probs` and do not vote for one another.

    Sources: Northcutt et al., arXiv 1911.00068 (confident learning); Patrini et al., arXiv 1609.03683 (labels through a
    noisy channel); Yi and Wu, arXiv 1903.07788 (learning from label distributions that are themselves corrected).
    """
    labels = np.asarray(labels, dtype=np.int64)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    around = neighbourhood(features, neighbours=neighbours, groups=groups)
    given = np.eye(pred_probs.shape[1], dtype=np.float32)[labels]
    vote = knn_vote(given, around, neighbours=neighbours)
    rates = noise_rates(labels, (pred_probs + vote) / 2)
    probe, vote = _second_round(
        labels, given, LinearProbe(features), around, fold, l2, neighbours, rates, zero_shot_pred_probs
    )

    sources = {"probe": probe, "knn": vote}
    if zero_shot_pred_probs is not None:
        sources["zero_shot"] = zero_shot_pred_probs
    weights = _source_weights(labels, list(sources.values()), rates)
    class_probs = pool_over_groups(_mixed(list(sources.values()), weights), groups)
    any_label = (1 - _RANDOM_SHARE) * rates + _RANDOM_SHARE / len(rates)
    believed = posterior(labels, class_probs, any_label, groups=groups)
    rows = np.arange(len(labels))
    quality = believed[rows, labels]
    error_cut, expected_f1 = expected_f1_cut(1 - quality)
    error_cut = max(error_cut, _LEAST_ERROR)

    share = np.maximum(believed.mean(axis=0), 1e-6)
    level = believed / share
    level /= level.sum(axis=1, keepdims=True)
    suggested = level.argmax(axis=1)
    winners = np.stack([source.argmax(axis=1) for source in sources.values()])  # (sources, N)
    agreement = np.full(len(labels), np.nan)
    if zero_shot_pred_probs is not None:
        agreement = zero_shot_pred_probs[rows, labels].astype(np.float64)
    frame = pd.DataFrame(
        {
            "label_quality_score": quality,
            "is_label_issue": 1 - quality >= error_cut,
            "suggested_label": suggested.astype(np.int64),
            "suggested_confidence": level[rows, suggested],
            "agreeing_sources": (winners == suggested).sum(axis=0).astype(np.int64),
            "sources": np.full(len(labels), len(sources), dtype=np.int64),
            "knn_label_agreement": vote[rows, labels],
            "zero_shot_label_agreement": agreement,
            "signals_agree": (winners == labels).all(axis=0),
        }
    )
    return LabelScores(
        frame=frame,
        class_probs=class_probs.astype(np.float32),
        noise_rates=rates,
        nearest=around.first(2),
        source_weights=dict(zip(sources, weights.tolist(), strict=True)),
        cut=max(1 - error_cut, 0.0),
        expected_f1=expected_f1,
    )


def _second_round(
    labels: np.ndarray,
    given: np.ndarray,
    probe: LinearProbe,
    around: Neighbourhood,
    fold: np.ndarray,
    l2: float,
    neighbours: int,
    rates: np.ndarray,
    zero_shot: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) of the probe and of the neighbours, taught by round one; out of sample in both rounds.

    For every fold f to be asked about, round one is run without the labels of f: image j of fold g is judged by the
    probe fitted on all folds but f and g, which serves g without f as well.
    """
    folds = int(fold.max()) + 1
    pairs = [(f, g) for f in range(folds) for g in range(f + 1, folds)]
    training = np.stack([(fold != f) & (fold != g) for f, g in pairs], axis=1)  # (N, pairs)
    first = probe.predict(probe.fit(given, training, l2=l2))  # (N, pairs, K)
    of_pair = np.zeros((folds, folds), dtype=np.int64)
    for position, (f, g) in enumerate(pairs):
        of_pair[f, g] = of_pair[g, f] = position
    rows = np.arange(len(labels))

    believed = np.empty((len(labels), folds, given.shape[1]), dtype=np.float32)
    for f in range(folds):
        # Within f itself the figures are meaningless, and never used.
        seen = first[rows, of_pair[f, fold]] + knn_vote(given, around, neighbours=neighbours, may_vote=fold != f)
        class_probs = true_class_probs(seen / 2, rates)
        if zero_shot is not None:
            class_probs = (2 * class_probs + zero_shot) / 3
        believed[:, f] = posterior(labels, class_probs, rates)
    del first
    second = probe.predict(probe.fit(believed, others_of(fold), l2=l2))[rows, fold]
    vote = np.empty_like(second, dtype=np.float64)
    for f in range(folds):
        asked = fold == f
        vote[asked] = knn_vote(believed[:, f], around, neighbours=neighbours, may_vote=~asked)[asked]
    return second, vote


def _mixed(sources: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    return sum(weight * source for weight, source in zip(weights, sources, strict=True))


def _source_weights(labels: np.ndarray, sources: list[np.ndarray], rates: np.ndarray) -> np.ndarray:
    """(S,) weights, summing to 1, under which the mixture of sources, sent through the channel, explains the labels
    best: expectation maximisation of a mixture's weights."""
    rows = np.arange(len(labels))
    likelihood = np.stack([(source @ rates)[rows, labels] for source in sources], axis=1)  # (N, S)
    weights = np.full(len(sources), 1 / len(sources))
    for _ in range(_STEPS):
        part = likelihood * weights
        weights = (part / np.maximum(part.sum(axis=1, keepdims=True), 1e-12)).mean(axis=0)
    return weights
