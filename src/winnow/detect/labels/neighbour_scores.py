"""What the nearest neighbours in feature space say of a label, for rules that look at them alone."""

import numpy as np
import pandas as pd

from winnow.detect.labels.vote import MOST_COPIES, Neighbourhood
from winnow.learn.neighbours import nearest_neighbours


def neighbour_scores(around: Neighbourhood, labels: np.ndarray, *, groups: np.ndarray, neighbours: int) -> pd.DataFrame:
    """Score images by the labels of their nearest neighbours from outside their duplicate group: copies do not vote.

    Args:
        around: of `neighbourhood`, for at least as many neighbours and by the same groups.
        labels: (N,) integers in [0, K).
        groups: (N,) int, equal for copies of one picture.
        neighbours: how many vote, at least 1; each counts alike.

    Returns:
        A row per image: `neighbour_label` int64, the label that most neighbours have, the lower one of equals, -1 where
        nobody similar votes; `neighbour_agreement` in [0, 1], the share of them that have it, 0 there;
        `neighbour_distance` >= 0, the cosine distance to the nearest image of the same label, in units of the median of
        that label (1 for a usual image; infinite for one whose label nobody else has).
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    say = around.weight > 0
    votes = say & (np.cumsum(say, axis=1) <= neighbours)
    counts = np.zeros((len(labels), int(labels.max()) + 1))
    for label in range(counts.shape[1]):
        counts[:, label] = (votes & (labels[around.nearest] == label)).sum(axis=1)
    winner = counts.argmax(axis=1)
    share = counts[np.arange(len(labels)), winner] / np.maximum(counts.sum(axis=1), 1)
    return pd.DataFrame(
        {
            "neighbour_label": np.where(votes.any(axis=1), winner, -1).astype(np.int64),
            "neighbour_agreement": share,
            "neighbour_distance": _distance(around.features, labels, groups),
        }
    )


def _distance(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    distance = np.full(len(labels), np.inf)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        largest = int(np.unique(groups[rows], return_counts=True)[1].max())
        if largest == len(rows):
            continue
        similarity, found = nearest_neighbours(features[rows], k=min(largest, MOST_COPIES + 1))
        outside = groups[rows][found] != groups[rows][:, None]  # the first of them is the nearest one
        nearest = np.where(outside.any(axis=1), similarity[np.arange(len(rows)), outside.argmax(axis=1)], -np.inf)
        for group in np.unique(groups[rows][~outside.any(axis=1)]):  # of more copies than were searched
            own = groups[rows] == group
            others, _ = nearest_neighbours(features[rows[~own]], k=1, queries=features[rows[own]])
            nearest[own] = others[:, 0]
        distance[rows] = np.maximum(1 - nearest, 0)
        middle = np.median(distance[rows])
        distance[rows] /= middle if middle > 0 else 1.0
    return distance
