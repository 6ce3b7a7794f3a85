"""Edge cases: images that are clean but hard, from which a network learns more than from one more easy image."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from winnow.detect.labels.neighbour_rule import edge_difficulty


def edge_case_weights(
    difficulty: np.ndarray,
    class_probs: np.ndarray,
    labels: np.ndarray,
    *,
    ood_score: np.ndarray,
    by_person: np.ndarray,
    strength: float,
    min_label_quality: float,
    max_ood_score: float,
) -> np.ndarray:
    """How much each image weighs when copies are shared out.

    What is hard, for a classifier or by its neighbours, also looks like a wrong label, so only images that are clean by
    all evidence together, or by a person's word, are raised.

    Args:
        difficulty: (N,) float, higher is harder; NaN for images that are no edge cases whatever the evidence.
        class_probs: (N, K) float in [0, 1], of the true class, out of sample, by all evidence but the given labels.
        labels: (N,) integers in [0, K), the labels that the images are trained with.
        ood_score: (N,) float in [0, 1], higher is more out of distribution.
        by_person: (N,) bool, whether a person decided what becomes of the image.
        strength: at least 0; 0 gives every image the weight 1.
        min_label_quality: least `class_probs` of its label that a clean image has, unless a person decided.
        max_ood_score: highest `ood_score` that a clean image has, unless a person decided.

    Returns:
        (N,) float64 in [1, 1 + strength]: 1 for images that are not known to be clean, and for clean ones
        1 + strength * (their rank in difficulty among the clean images of their class, 0 the easiest, 1 the hardest).
    """
    rows = np.arange(len(labels))
    is_clean = by_person | ((class_probs[rows, labels] >= min_label_quality) & (ood_score <= max_ood_score))
    return ranked_weights(np.where(is_clean, difficulty, np.nan), labels, strength=strength)


def difficulty_by(how: str, training: pd.DataFrame, pred_probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How hard each image is.

    Args:
        how: `probe`, the probability that a classifier which has not seen the image leaves to other labels; or
            `neighbours`, the distance to the nearest image of its label, of those that lie among their class.
        training: `label` as given, and the columns of `neighbour_scores`, for `neighbours`.
        pred_probs: (N, K) float in [0, 1], of one classifier, out of sample, for `probe`.
        labels: (N,) integers in [0, K), the labels that the images are trained with.

    Returns:
        (N,) float, higher is harder; NaN for what is no edge case, by neighbours also for a relabelled image, whose
        distance is that from its given label.
    """
    if how == "probe":
        improbable: np.ndarray = 1.0 - pred_probs[np.arange(len(labels)), labels]
        return improbable
    given = training["label"].to_numpy()
    return np.where(given == labels, edge_difficulty(training, given), np.nan)


def ranked_weights(difficulty: np.ndarray, labels: np.ndarray, *, strength: float) -> np.ndarray:
    """How much each image weighs, from its rank in difficulty among the images of its class.

    Args:
        difficulty: (N,) float, higher is harder: of a classifier, or the distance to the nearest image of the class;
            NaN for images that are not known to be clean.
        labels: (N,) integers in [0, K).
        strength: at least 0; 0 gives every image the weight 1.

    Returns:
        (N,) float64 in [1, 1 + strength]: 1 for NaN, else 1 + strength * (rank, 0 the easiest, 1 the hardest); of
        equally hard images all have the lowest of their ranks.
    """
    known = ~np.isnan(difficulty)
    weights = np.ones(len(labels))
    for label in np.unique(labels[known]):
        clean = np.flatnonzero(known & (labels == label))
        place = rankdata(difficulty[clean], method="min") - 1  # equally hard images get equally many copies
        weights[clean] += strength * place / max(len(clean) - 1, 1)
    return weights
