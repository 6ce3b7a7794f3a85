"""Which labels are wrong, and what they should be: a probe, a neighbour vote and, where there is one, zero-shot."""

import numpy as np
import pandas as pd
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from winnow.detect.neighbours import nearest_neighbours

# Steps of the deconvolution: converged for scoring, too few to fit the sampling noise of a vote of twenty.
_STEPS = 20
# How many members of an image's duplicate group are looked past for neighbours from outside it.
_MOST_COPIES = 100


def score_labels(
    labels: np.ndarray,
    pred_probs: np.ndarray,
    features: np.ndarray,
    *,
    neighbours: int,
    zero_shot_pred_probs: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> pd.DataFrame:
    """Score every given label by what two or three sources say the true one is.

    The probe and the neighbours learned from the given labels, so they predict those, faults and all: under 40 %
    noise a plain image gets 0.6. Their mean is deconvolved with the noise rates that confident learning estimates
    (`true_class_probs`), so that one threshold means the same at any noise rate; zero-shot, which saw no labels,
    joins as one of three equal voices.

    Args:
        labels: (N,) int in [0, K), as given.
        pred_probs: (N, K) float32, out of sample.
        features: (N, D) float32, L2-normalised.
        neighbours: how many vote, weighted by similarity.
        zero_shot_pred_probs: (N, K) float32, or None.
        groups: (N,) int duplicate groups, whose members do not vote for one another, or None.

    Returns:
        A row per image: `label_quality_score` (probability of the given label, [0, 1], lower is worse),
        `is_label_issue` (confident learning on the combined probabilities), `suggested_label` and
        `suggested_confidence` (the most probable class and its probability), `agreeing_sources` of `sources` (whose
        most probable class is the suggested label), `knn_label_agreement` (the vote's share for the given label),
        `zero_shot_label_agreement` (its probability of the given label; NaN without), `signals_agree` (the given
        label is every source's most probable class).

    Sources: Northcutt et al., Confident Learning, arXiv 1911.00068; Patrini et al., arXiv 1609.03683 (labels as the
    true class sent through a noisy channel); Richardson 1972 and Lucy 1974 (deconvolution of a distribution).
    """
    labels = np.asarray(labels, dtype=np.int64)
    vote = knn_vote(labels, features, neighbours=neighbours, num_classes=pred_probs.shape[1], groups=groups)
    combined = true_class_probs(labels, (pred_probs + vote) / 2)
    sources = [pred_probs, vote]
    agreement = np.full(len(labels), np.nan)
    rows = np.arange(len(labels))
    if zero_shot_pred_probs is not None:
        combined = (2 * combined + zero_shot_pred_probs) / 3
        sources.append(zero_shot_pred_probs)
        agreement = zero_shot_pred_probs[rows, labels].astype(np.float64)
    winners = np.stack([source.argmax(axis=1) for source in sources])  # (sources, N)
    suggested = combined.argmax(axis=1)
    return pd.DataFrame(
        {
            "label_quality_score": get_label_quality_scores(labels, combined).astype(np.float64),
            "is_label_issue": find_label_issues(labels, combined, n_jobs=1),
            "suggested_label": suggested.astype(np.int64),
            "suggested_confidence": combined[rows, suggested],
            "agreeing_sources": (winners == suggested).sum(axis=0).astype(np.int64),
            "sources": np.full(len(labels), len(sources), dtype=np.int64),
            "knn_label_agreement": vote[rows, labels],
            "zero_shot_label_agreement": agreement,
            "signals_agree": (winners == labels).all(axis=0),
        }
    )


def knn_vote(
    labels: np.ndarray, features: np.ndarray, *, neighbours: int, num_classes: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Shares of the given labels among each image's nearest neighbours, weighted by similarity.

    Args:
        labels: (N,) int in [0, num_classes).
        features: (N, D) float32, L2-normalised.
        neighbours: how many vote.
        num_classes: K.
        groups: (N,) int; members of one group do not vote for one another.

    Returns:
        (N, K) float64, rows sum to 1; uniform where nobody similar is left to vote.
    """
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    largest = int(np.unique(groups, return_counts=True)[1].max())
    similarity, nearest = nearest_neighbours(features, k=neighbours + min(largest - 1, _MOST_COPIES))
    may_vote = groups[nearest] != groups[:, None]
    may_vote &= np.cumsum(may_vote, axis=1) <= neighbours
    weight = np.where(may_vote, np.maximum(similarity, 0), 0).astype(np.float64)
    cell = np.arange(len(labels))[:, None] * num_classes + labels[nearest]
    votes = np.bincount(cell.ravel(), weight.ravel(), minlength=len(labels) * num_classes)
    votes = votes.reshape(-1, num_classes)
    total = votes.sum(axis=1, keepdims=True)
    return np.divide(votes, total, out=np.full_like(votes, 1 / num_classes), where=total > 0)


def true_class_probs(labels: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """From probabilities of the given label to probabilities of the true class.

    With the noise rates T[t, y] = P(given y | true t), an image whose true class is distributed as p has given labels
    distributed as p T. The confident joint estimates T; Richardson and Lucy's steps, which are expectation
    maximisation for p, then find the distribution p on the simplex whose p T is closest to the predicted one in
    Kullback-Leibler divergence. An inverse of T would leave the simplex.

    Args:
        labels: (N,) int in [0, K), as given.
        pred_probs: (N, K), out of sample, of the given labels.

    Returns:
        (N, K) float64, rows sum to 1.
    """
    joint = compute_confident_joint(labels, pred_probs, calibrate=True).T.astype(np.float64)  # (true, given)
    total = joint.sum(axis=1, keepdims=True)
    rates = np.divide(joint, total, out=np.eye(len(joint)), where=total > 0)
    predicted = pred_probs.astype(np.float64)
    true = np.full_like(predicted, 1 / len(joint))
    for _ in range(_STEPS):
        true *= (predicted / np.maximum(true @ rates, 1e-12)) @ rates.T
    return true / true.sum(axis=1, keepdims=True)


def swapped_classes(pred_probs: np.ndarray, zero_shot_pred_probs: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of classes whose names look exchanged: zero-shot calls most images of each by the other's name.

    Args:
        pred_probs: (N, K) of the labels in the data.
        zero_shot_pred_probs: (N, K) of the class names.

    Returns:
        Pairs (a, b), a < b.
    """
    num_classes = pred_probs.shape[1]
    cell = pred_probs.argmax(axis=1) * num_classes + zero_shot_pred_probs.argmax(axis=1)
    table = np.bincount(cell, minlength=num_classes**2).reshape(num_classes, num_classes)
    called = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), np.arange(num_classes))
    return [(a, int(b)) for a, b in enumerate(called) if a < b and called[b] == a]
