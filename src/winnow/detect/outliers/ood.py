"""Which images belong to no class: detectors that fail on different images, heard together, and asked once more."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special
from scipy.stats import rankdata

from winnow.detect.outliers.ood_detectors import DETECTORS, Evidence
from winnow.learn.neighbours import compact, nearest_neighbours
from winnow.learn.probe import LinearProbe, others_of

# What the first round is sure of: the neighbours that a distance is taken to.
_TRUSTED_SHARE = 0.6
# Bounds on the share that is taken for outliers: with fewer the probe would have nothing to learn from.
_LEAST_SHARE = 0.02
_MOST_SHARE = 0.3
_ROUNDS = 6
# A label that images of this look never had is no proof that the image is of no class.
_LEAST_PROBABILITY = 1e-3
# An image that a detector puts among this many times the estimated share is odd to it.
_AGREEING = 2.0


@dataclass(frozen=True)
class OodScores:
    """What `score_ood` found.

    Attributes:
        frame: a row per image: `knn_distance` (1 - cosine to a trusted neighbour), `mahalanobis_distance` (to the
            nearest class), `class_uncertainty` (nats), `in_class_probability` ([0, 1], NaN without: the only one of
            which lower is more out of distribution), `ood_score` (probability of being none of the classes, [0, 1],
            higher is more out of distribution), `ood_detectors` (how many of them find the image odd, of those that
            there are), `is_ood` (a score of at least 0.5, and two detectors agree).
        share: estimate of the share of images that are out of distribution, [0, 1].
    """

    frame: pd.DataFrame
    share: float


def score_ood(
    features: np.ndarray,
    labels: np.ndarray,
    class_probs: np.ndarray,
    noise_rates: np.ndarray,
    *,
    fold: np.ndarray,
    neighbours: int,
    trim: float,
    l2: float,
    in_class_probability: np.ndarray | None = None,
) -> OodScores:
    """Score every image by how much it looks like none of the classes.

    The outliers are part of the data that all is learned from. So an image is not its own neighbour, the neighbour
    counted lies farther out than a clump of outliers is large, and the classes are fitted without their farthest
    images. The first guess of the share of outliers is what the distances' upper tail has beyond the lower one. Then
    a probe learns, out of fold, to tell the images that the detectors together find oddest from the classes: it finds
    their like. The given label joins by Bayes, since an image of no class has no right label: one that is hardly ever
    given to images that look so makes an outlier likelier. What that finds, the probe learns again.

    Args:
        features: (N, D) float32, L2-normalised.
        labels: (N,) int in [0, K), as given.
        class_probs: (N, K) of the true class, out of sample; an image counts towards its most probable class.
        noise_rates: (K, K) P(given label | true class), a row per true class.
        fold: (N,) int in [0, F); copies of a picture share one.
        neighbours: which nearest trusted neighbour counts. Capped at what there is.
        trim: share of each class, the farthest, that is left out when its statistics are fitted, [0, 1).
        l2: penalty of the probe.
        in_class_probability: (N,) what zero-shot gives to all classes together against everything else, or None.

    Sources: Sun et al., arXiv 2204.06507 (kNN); Lee et al., arXiv 1807.03888 (Mahalanobis); Hendrycks and Gimpel, arXiv
    1610.02136 (uncertainty); Ming et al., arXiv 2211.13445 (zero-shot); Elkan and Noto 2008 (learning from positive
    and unlabelled images); Zhang, arXiv 2407.05528 (hard clean images: drop where detectors agree).
    """
    classes = class_probs.argmax(axis=1)
    evidence = Evidence(features, class_probs, trim, in_class_probability)
    scores = {name: detector.score(evidence) for name, detector in DETECTORS.items()}
    sure = [DETECTORS[name].oddness(score) for name, score in scores.items() if score is not None]
    oddness = _mean_rank(sure)
    knn = _distance_to_trusted(features, oddness <= np.quantile(oddness, _TRUSTED_SHARE), neighbours)
    share = tail_excess(np.log(np.maximum(scores["mahalanobis_distance"], 1e-12)))

    given = np.maximum((class_probs @ noise_rates)[np.arange(len(labels)), labels], _LEAST_PROBABILITY)
    probability, share = _learned(LinearProbe(features), classes, oddness, fold, share, l2, labels, given)
    ranks = np.stack([rankdata(detector) for detector in (*sure, knn)]) / len(features)
    detectors = (ranks > 1 - _AGREEING * _plausible(share)).sum(axis=0)
    frame = pd.DataFrame(
        {
            "knn_distance": knn,
            **{name: np.nan if score is None else score.astype(np.float64) for name, score in scores.items()},
            "ood_score": probability,
            "ood_detectors": detectors.astype(np.int64),
            "is_ood": (probability >= 0.5) & (detectors >= 2),
        }
    )
    return OodScores(frame=frame, share=share)


def tail_excess(values: np.ndarray) -> float:
    """Share of the values that the upper tail has more than the lower one, seen from the median.

    Where what belongs is spread evenly about its median, that is the share of what does not belong.

    Args:
        values: (N,) finite, higher is odder.

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


def _plausible(share: float) -> float:
    return min(max(share, _LEAST_SHARE), _MOST_SHARE)


def _mean_rank(detectors: list[np.ndarray]) -> np.ndarray:
    """(N,) mean of the detectors' ranks, each in (0, 1]."""
    return np.mean([rankdata(detector) for detector in detectors], axis=0) / len(detectors[0])


def _distance_to_trusted(features: np.ndarray, trusted: np.ndarray, neighbours: int) -> np.ndarray:
    """(N,) 1 - cosine to the trusted neighbour of that rank; a trusted image is not its own neighbour."""
    features = compact(features)
    positions = np.flatnonzero(trusted)
    k = min(neighbours, len(positions) - 1)
    similarity, found = nearest_neighbours(features[positions], k=k + 1, queries=features)
    itself = positions[found] == np.arange(len(features))[:, None]
    last = np.where(itself.any(axis=1), similarity[:, k], similarity[:, k - 1])
    return 1 - last.astype(np.float64)


def _learned(
    probe: LinearProbe,
    classes: np.ndarray,
    oddness: np.ndarray,
    fold: np.ndarray,
    share: float,
    l2: float,
    labels: np.ndarray,
    given: np.ndarray,
) -> tuple[np.ndarray, float]:
    """(N,) probability of a class of its own, to which the oddest images are counted, and its mean.

    The probe that judges an image was fitted to other folds. `given` is the probability of the given label if the
    image belongs to a class; that of an outlier is how often outliers carry it.
    """
    rows, outside, weights = np.arange(len(classes)), int(classes.max()) + 1, None
    score = oddness
    for _ in range(_ROUNDS):
        target = np.where(score > np.quantile(score, 1 - _plausible(share)), outside, classes)
        one_hot = np.eye(outside + 1, dtype=np.float32)[target]
        weights = probe.fit(one_hot, others_of(fold), l2=l2, start=weights)
        by_look = probe.predict(weights)[rows, fold, outside].astype(np.float64)
        of_outlier = np.bincount(labels, weights=by_look) / by_look.sum()
        score = special.logit(np.clip(by_look, 1e-9, 1 - 1e-9)) + np.log(of_outlier[labels] / given)
        # The labels are evidence that the probe did not learn from, so their share is news, not an echo of the last.
        share = float(special.expit(score).mean())
    return special.expit(score), share
