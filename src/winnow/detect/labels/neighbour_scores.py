"""What the nearest neighbours in feature space say of a label, for rules that look at them alone."""

import numpy as np
import pandas as pd

from winnow.learn.neighbours import nearest_neighbours


def neighbour_scores(features: np.ndarray, labels: np.ndarray, *, groups: np.ndarray, neighbours: int) -> pd.DataFrame:
    """Score images by the labels of their nearest neighbours from outside their duplicate group: copies do not vote.

    Args:
        features: (N, D) float32, L2-normalised, out of sample.
        labels: (N,) integers in [0, K).
        groups: (N,) int, equal for copies of one picture.
        neighbours: how many vote, at least 1.

    Returns:
        A row per image: `neighbour_label` int64, the label that most neighbours have, the lower one of equals;
        `neighbour_agreement` in [0, 1], the share of them that have it; `neighbour_distance` >= 0, the cosine distance
        to the nearest image of the same label, in units of the median of that label (1 for a usual image; infinite for
        one whose label nobody else has).
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    largest = int(np.unique(groups, return_counts=True)[1].max())
    _, found = nearest_neighbours(features, k=neighbours + largest - 1)
    outside = groups[found] != groups[:, None]
    votes = outside & (np.cumsum(outside, axis=1) <= neighbours)
    counts = np.zeros((len(labels), int(labels.max()) + 1))
    for label in range(counts.shape[1]):
        counts[:, label] = (votes & (labels[found] == label)).sum(axis=1)
    winner = counts.argmax(axis=1)
    share = counts[np.arange(len(labels)), winner] / np.maximum(counts.sum(axis=1), 1)
    return pd.DataFrame(
        {
            "neighbour_label": winner.astype(np.int64),
            "neighbour_agreement": share,
            "neighbour_distance": _distance(features, labels, groups),
        }
    )


def _distance(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    distance = np.full(len(labels), np.inf)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        largest = int(np.unique(groups[rows], return_counts=True)[1].max())
        if largest == len(rows):
            continue
        similarity, found = nearest_neighbours(features[rows], k=largest)
        outside = groups[rows][found] != groups[rows][:, None]  # the first of them is the nearest one
        nearest = np.where(outside.any(axis=1), similarity[np.arange(len(rows)), outside.argmax(axis=1)], -np.inf)
        distance[rows] = np.maximum(1 - nearest, 0)
        middle = np.median(distance[rows])
        distance[rows] /= middle if middle > 0 else 1.0
    return distance
