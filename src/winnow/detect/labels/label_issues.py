"""Which labels are wrong, and what they should be.

An ensemble of probe, kNN and zero-shot, deconvolved by the noise matrix, then one round of self-training, calibrated
by how well it foretells the labels as given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.detect.labels import LABEL_QUALITY, SOURCES, SUGGESTED_CONFIDENCE
from winnow.detect.labels.neighbour_scores import neighbour_scores
from winnow.detect.labels.noise import expected_f1_cut
from winnow.detect.labels.pooling import pool_over_groups
from winnow.detect.labels.sources import Learner, Lesson, Source
from winnow.detect.labels.vote import neighbourhood
from winnow.detect.signals import Evidence
from winnow.learn.channel import (
    at_temperature,
    label_likelihood,
    noise_rates,
    posterior,
    refined_rates,
    temperature,
    true_class_probs,
)

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
            `sources` (whose most probable class is the suggested label), `<source>_label_agreement` (the source's
            probability of the given label, [0, 1]; NaN where it is not there), `signals_agree` (the given label is
            every source's most probable class), and the columns of `neighbour_scores` (-1 and NaN without labels).
        class_probs: (N, K) float32 probabilities of the true class that the image's own label had no part in.
        noise_rates: (K, K) float64 P(given label | true class), a row per true class.
        nearest: (N, 2) int64 positions of the two nearest images that are no copies.
        source_weights: by source, sums to 1.
        temperature: of the sources' weighted mean, below 1 where it was less sure than right.
        cut: the highest label quality that is still called an error so that the expected F1 is highest; 0 where
            nothing is worth calling one.
        expected_f1: the F1 expected there; 0 where nothing is.
    """

    frame: pd.DataFrame
    class_probs: np.ndarray
    noise_rates: np.ndarray
    nearest: np.ndarray
    source_weights: dict[str, float]
    temperature: float
    cut: float
    expected_f1: float

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """`class_probs` and `noise_rates`, for class_probs.npz."""
        return {"class_probs": self.class_probs, "noise_rates": self.noise_rates}


def score_labels(
    evidence: Evidence,
    *,
    fold: np.ndarray,
    l2: float,
    neighbours: int,
    groups: np.ndarray | None = None,
    sources: Sequence[Source] = SOURCES,
) -> LabelScores:
    """Score every given label by an ensemble of label sources.

    Round one: the sources that learn, such as the probe and the neighbours, learned from the given labels, so they
    predict those, faults and all; their mean is deconvolved with the noise rates into probabilities of the true class.
    Round two: they learn again, from the posterior of round one instead of from the labels. Sources that saw no labels,
    such as zero-shot, join in both. The sources are weighted by how well they explain the given labels, and so is the
    temperature of their mean chosen; the noise rates are refined by it. The given label itself enters last, by Bayes,
    so that one threshold means the same at any noise rate, overall or of a class.

    No label has a part in its own image's `class_probs`, in either round: the posterior that round two learns from for
    a fold was made without that fold's labels. Only the (K, K) noise rates, the penalty, the sources' weights and the
    temperature come from all labels.

    Args:
        evidence: features and labels, `pred_probs` of a probe, and whatever else a source needs. Without labels every
            score is NaN, and no label is an issue.
        fold: (N,) int in [0, F), F at least 3; copies of a picture share one.
        l2: penalty of the probe.
        neighbours: how many vote.
        groups: (N,) int duplicate groups, or None; members share their `class_probs` and do not vote for one another.
        sources: in the order of their weights and columns; at least one of those that are there learns from labels.

    Sources: Northcutt et al., arXiv 1911.00068 (confident learning); Patrini et al., arXiv 1609.03683 (labels through a
    noisy channel); Yi and Wu, arXiv 1903.07788 (learning from label distributions that are themselves corrected).
    """
    if evidence.labels is None:
        return _no_scores(len(evidence.features), sources)
    assert evidence.pred_probs is not None
    labels, num_classes = np.asarray(evidence.labels, dtype=np.int64), evidence.pred_probs.shape[1]
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    lesson = Lesson(
        evidence=evidence,
        one_hot=np.eye(num_classes, dtype=np.float32)[labels],
        fold=fold,
        folds=int(fold.max()) + 1,
        neighbourhood=neighbourhood(evidence.features, neighbours=neighbours, groups=groups),
        neighbours=neighbours,
        l2=l2,
    )
    arrays = evidence.arrays()
    there = [source for source in sources if all(name in arrays for name in source.needs)]
    learners = {source.name: source.learner(lesson) for source in there if source.learner}
    fixed = {source.name: source.pred_probs(evidence) for source in there if source.pred_probs}
    rates = noise_rates(labels, _mean([learner.of_labels() for learner in learners.values()]))
    first = _first_posterior(labels, lesson, list(learners.values()), list(fixed.values()), rates)
    learned = {name: learner.of_posterior(first) for name, learner in learners.items()}

    by_source = {source.name: (learned | fixed)[source.name] for source in there}
    weights = _source_weights(labels, list(by_source.values()), rates)
    mixed = pool_over_groups(_mixed(list(by_source.values()), weights), groups)
    scale = temperature(labels, mixed, rates)
    class_probs = at_temperature(mixed, scale)
    rates = refined_rates(labels, class_probs, rates)
    any_label = (1 - _RANDOM_SHARE) * rates + _RANDOM_SHARE / len(rates)
    final = posterior(labels, class_probs, any_label, groups=groups)
    rows = np.arange(len(labels))
    quality = final[rows, labels]
    error_cut, expected_f1 = expected_f1_cut(1 - quality)
    error_cut = max(error_cut, _LEAST_ERROR)

    balanced = final / np.maximum(final.mean(axis=0), 1e-6)
    balanced /= balanced.sum(axis=1, keepdims=True)
    suggested = balanced.argmax(axis=1)
    winners = np.stack([probs.argmax(axis=1) for probs in by_source.values()])  # (sources, N)
    frame = pd.DataFrame(
        {
            LABEL_QUALITY.name: quality,
            "is_label_issue": 1 - quality >= error_cut,
            "suggested_label": suggested.astype(np.int64),
            SUGGESTED_CONFIDENCE.name: balanced[rows, suggested],
            "agreeing_sources": (winners == suggested).sum(axis=0).astype(np.int64),
            "sources": np.full(len(labels), len(by_source), dtype=np.int64),
            **{
                f"{source.name}_label_agreement": (
                    by_source[source.name][rows, labels].astype(np.float64) if source.name in by_source else np.nan
                )
                for source in sources
                if source.agreement
            },
            "signals_agree": (winners == labels).all(axis=0),
            **neighbour_scores(lesson.neighbourhood, labels, groups=groups, neighbours=neighbours),
        }
    )
    return LabelScores(
        frame=frame,
        class_probs=class_probs.astype(np.float32),
        noise_rates=rates,
        nearest=lesson.neighbourhood.first(2),
        source_weights=dict(zip(by_source, weights.tolist(), strict=True)),
        temperature=scale,
        cut=max(1 - error_cut, 0.0),
        expected_f1=expected_f1,
    )


def _no_scores(images: int, sources: Sequence[Source]) -> LabelScores:
    """Of images without labels."""
    unknown = np.full(images, np.nan)
    frame = pd.DataFrame(
        {
            LABEL_QUALITY.name: unknown,
            "is_label_issue": False,
            "suggested_label": np.full(images, -1, dtype=np.int64),
            SUGGESTED_CONFIDENCE.name: unknown,
            "agreeing_sources": np.zeros(images, dtype=np.int64),
            "sources": np.zeros(images, dtype=np.int64),
            **{f"{source.name}_label_agreement": unknown for source in sources if source.agreement},
            "signals_agree": False,
            "neighbour_label": np.full(images, -1, dtype=np.int64),
            "neighbour_agreement": unknown,
            "neighbour_distance": unknown,
        }
    )
    no_classes = np.zeros((images, 0), dtype=np.float32)
    return LabelScores(frame, no_classes, np.zeros((0, 0)), np.zeros((images, 2), np.int64), {}, 1.0, 0.0, 0.0)


def _first_posterior(
    labels: np.ndarray, lesson: Lesson, learners: list[Learner], fixed: list[np.ndarray], rates: np.ndarray
) -> np.ndarray:
    """(N, F, K) float32: at [:, f] the posterior of round one without the labels of fold f, to learn from for fold f.

    Its rows of fold f itself are meaningless there, and never used.
    """
    result = np.empty((len(labels), lesson.folds, len(rates)), dtype=np.float32)
    for fold in range(lesson.folds):
        learned = true_class_probs(_mean([learner.without_fold(fold) for learner in learners]), rates)
        class_probs = (len(learners) * learned + sum(fixed)) / (len(learners) + len(fixed))
        result[:, fold] = posterior(labels, class_probs, rates)
    return result


def _mean(arrays: list[np.ndarray]) -> np.ndarray:
    total: np.ndarray = sum(arrays[1:], start=arrays[0])
    return total / len(arrays)


def _mixed(sources: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    weighted = [weight * source for weight, source in zip(weights, sources, strict=True)]
    total: np.ndarray = sum(weighted[1:], start=weighted[0])
    return total


def _source_weights(labels: np.ndarray, sources: list[np.ndarray], rates: np.ndarray) -> np.ndarray:
    """(S,) weights, summing to 1, under which the mixture of sources, sent through the channel, explains the labels
    best: expectation maximisation of a mixture's weights."""
    likelihood = np.stack([label_likelihood(labels, source, rates) for source in sources], axis=1)  # (N, S)
    weights = np.full(len(sources), 1 / len(sources))
    for _ in range(_STEPS):
        part = likelihood * weights
        weights = (part / np.maximum(part.sum(axis=1, keepdims=True), 1e-12)).mean(axis=0)
    return weights
