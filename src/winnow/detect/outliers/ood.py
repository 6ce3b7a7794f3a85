"""Which images belong to no class: rank-averaged detectors, refined by positive-unlabelled self-training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special
from scipy.stats import rankdata

from winnow.detect.outliers import DETECTORS, OOD_SCORE, mahalanobis
from winnow.detect.signals import Detector, Evidence
from winnow.errors import WinnowError
from winnow.learn.channel import label_likelihood
from winnow.learn.probe import LinearProbe, others_of

# The share of images, the least odd by the first detectors, that other detectors may trust.
_TRUSTED_SHARE = 0.6
# Bounds on the share that is taken for outliers: with fewer the probe would have nothing to learn from.
_LEAST_SHARE = 0.02
_MOST_SHARE = 0.3
_ROUNDS = 6
# A label never observed for this predicted class is no proof that the image is of no class.
_LEAST_PROBABILITY = 1e-3
# A detector flags an image that it ranks among this many times the estimated share.
_AGREEING = 2.0


@dataclass(frozen=True)
class OodScores:
    """What `score_ood` found.

    Attributes:
        frame: a row per image: a float64 column per detector (NaN where what it needs is not there), `ood_score`
            (probability of being none of the classes, [0, 1], higher is farther out), `ood_detectors` (how many
            detectors flag the image, of those that ran), `is_ood` (a score of at least 0.5, and two detectors agree).
        share: estimate of the share of images that are out of distribution, [0, 1].
        by_class: whether classes were known.
    """

    frame: pd.DataFrame
    share: float
    by_class: bool = True

    @property
    def metrics(self) -> dict[str, Any]:
        """Counts and shares, for metrics/ood.json."""
        found = int(self.frame["is_ood"].sum())
        images = len(self.frame)
        return {"images": images, "ood": found, "ood_share": found / images, "estimated_share": self.share}

    @property
    def summary(self) -> str:
        """A line."""
        found, images = self.metrics["ood"], self.metrics["images"]
        odd = "look like no class" if self.by_class else "look unlike the others"
        return f"{found} of {images} images {odd} (estimated share: {self.share:.1%})"


@dataclass(frozen=True)
class _LabelEvidence:
    """The given labels: an image of no class has no right label, so a label unlikely for its looks speaks for that.

    Attributes:
        labels: (N,) int in [0, K), as given.
        label_likelihood: (N,) P(given label | looks) of an image that belongs to a class.
    """

    labels: np.ndarray
    label_likelihood: np.ndarray

    @classmethod
    def of(cls, evidence: Evidence) -> "_LabelEvidence | None":
        """None without labels, or without what says how likely each is."""
        labels, class_probs, rates = evidence.labels, evidence.class_probs, evidence.noise_rates
        if labels is None or class_probs is None or rates is None:
            return None
        likelihood = label_likelihood(labels, class_probs, rates)
        return cls(labels, np.maximum(likelihood, _LEAST_PROBABILITY))

    def log_odds(self, outlier_probs: np.ndarray) -> np.ndarray:
        """(N,) log P(given label | outlier) / P(given label | class); outliers carry labels as often as they do now."""
        of_outlier = np.bincount(self.labels, weights=outlier_probs) / outlier_probs.sum()
        odds: np.ndarray = np.log(of_outlier[self.labels] / self.label_likelihood)
        return odds


def score_ood(
    evidence: Evidence,
    *,
    fold: np.ndarray,
    l2: float,
    options: Mapping[str, Any],
    detectors: Sequence[Detector] = DETECTORS,
) -> OodScores:
    """Score every image by how much it looks like none of the classes.

    The outliers are part of the data that all is learned from. So the Mahalanobis distance is fitted without the
    farthest images, and the kNN distance is taken to trusted images alone. The first guess of the share of outliers is
    what the Mahalanobis distance's upper tail has beyond the lower one. Then a probe learns, out of fold, to tell the
    images with the highest mean rank from the classes: it finds their like. The given label joins by Bayes: one that is
    hardly ever given to images that look so makes an outlier likelier. What that finds, the probe learns again.

    Without labels the probe learns once, and the share stays as first guessed: its own verdicts would be an echo.

    Args:
        evidence: features at least; with class probabilities an image counts towards its most probable class.
        fold: (N,) int in [0, F); copies of a picture share one.
        l2: penalty of the probe.
        options: of the detectors, by name, as `ood` in params.yaml has them.
        detectors: in the order of their columns; the Mahalanobis distance is among them.

    Sources: those of the detectors; Elkan and Noto 2008 (learning from positive and unlabelled images); Zhang, arXiv
    2407.05528 (hard clean images: drop where detectors agree).
    """
    arrays = evidence.arrays()
    scores = _run(detectors, arrays, options)
    seed_score = _mean_rank(list(_badness(scores, detectors).values()))
    arrays["trusted"] = seed_score <= np.quantile(seed_score, _TRUSTED_SHARE)
    scores |= _run([detector for detector in detectors if detector.name not in scores], arrays, options)
    share = tail_excess(np.log(np.maximum(scores[mahalanobis.DETECTOR.name], 1e-12)))
    probability, share = _learned(
        LinearProbe(evidence.features), evidence.classes, seed_score, fold, share, l2, _LabelEvidence.of(evidence)
    )
    ranks = np.stack([rankdata(values) for values in _badness(scores, detectors).values()]) / len(probability)
    flagging = (ranks > 1 - _AGREEING * _plausible(share)).sum(axis=0)
    frame = pd.DataFrame(
        {
            **{detector.name: scores.get(detector.name, np.nan) for detector in detectors},
            OOD_SCORE.name: probability,
            "ood_detectors": flagging.astype(np.int64),
            "is_ood": (probability >= 0.5) & (flagging >= 2),
        }
    )
    return OodScores(frame=frame, share=share, by_class=evidence.class_probs is not None)


def tail_excess(values: np.ndarray) -> float:
    """Share of the values that the upper tail has more than the lower one, seen from the median.

    Where what belongs is spread evenly about its median, that is the share of what does not belong.

    Args:
        values: (N,) finite, higher is farther out.

    Returns:
        In [0, 0.5].
    """
    deviation = values - np.median(values)
    above, below = np.sort(deviation[deviation > 0]), np.sort(-deviation[deviation < 0])
    if not len(above):
        return 0.0
    farther = len(above) - np.arange(len(above))  # values at least as far up as each
    as_far_down = len(below) - np.searchsorted(below, above, side="left")
    return float(max((farther - as_far_down).max(), 0) / len(values))


def _run(
    detectors: Sequence[Detector], arrays: Mapping[str, np.ndarray], options: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """(N,) float64 of each detector whose needs are there."""
    scores = {
        detector.name: detector(arrays, options).astype(np.float64)
        for detector in detectors
        if all(name in arrays for name in detector.needs)
    }
    for name, values in scores.items():
        if values.shape != arrays["classes"].shape or not np.isfinite(values).all():
            raise WinnowError(f"the detector {name} does not give one finite number per image; fix its function.")
    return scores


def _badness(scores: Mapping[str, np.ndarray], detectors: Sequence[Detector]) -> dict[str, np.ndarray]:
    """(N,) of each detector that ran, higher is farther out."""
    records = {detector.name: detector.score for detector in detectors}
    return {name: records[name].badness(values) for name, values in scores.items()}


def _mean_rank(values: list[np.ndarray]) -> np.ndarray:
    """(N,) mean of the ranks, each in (0, 1]."""
    mean: np.ndarray = np.mean([rankdata(each) for each in values], axis=0)
    return mean / len(values[0])


def _plausible(share: float) -> float:
    return min(max(share, _LEAST_SHARE), _MOST_SHARE)


def _learned(
    probe: LinearProbe,
    classes: np.ndarray,
    seed_score: np.ndarray,
    fold: np.ndarray,
    share: float,
    l2: float,
    labels: _LabelEvidence | None,
) -> tuple[np.ndarray, float]:
    """(N,) probability of an outlier class, to which the images of the highest score are counted, and its mean.

    The probe that judges an image was fitted to other folds.
    """
    rows, outside, weights = np.arange(len(classes)), int(classes.max()) + 1, None
    score = seed_score
    for _ in range(_ROUNDS if labels else 1):
        target = np.where(score > np.quantile(score, 1 - _plausible(share)), outside, classes)
        one_hot = np.eye(outside + 1, dtype=np.float32)[target]
        weights = probe.fit(one_hot, others_of(fold), l2=l2, start=weights)
        by_look = probe.predict(weights)[rows, fold, outside].astype(np.float64)
        score = special.logit(np.clip(by_look, 1e-9, 1 - 1e-9))
        if labels:
            score = score + labels.log_odds(by_look)
            # The labels are evidence that the probe did not learn from, so their share is news, not an echo.
            share = float(special.expit(score).mean())
    return special.expit(score), share
