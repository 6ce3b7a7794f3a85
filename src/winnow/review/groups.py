"""Groups of images that lie close together on the map, each from its most typical member to its oddest."""

from typing import Literal

import numpy as np
from sklearn.cluster import HDBSCAN

Size = Literal["small", "medium", "large"]
SMALLEST: dict[Size, int] = {"small": 8, "medium": 20, "large": 60}
"""The fewest images of a group."""
_CORE_NEIGHBOURS = 5  # within which the map is dense


def map_groups(places: np.ndarray, features: np.ndarray, *, size: Size) -> list[np.ndarray]:
    """Cluster the map with HDBSCAN (Campello, Moulavi and Sander 2013) and sort the members of each group.

    The leaves of its tree are taken, not the largest clusters: those are the classes, and a person is to judge a group
    at a glance.

    Args:
        places: (N, 3) coordinates on the map.
        features: (N, D) float32, L2-normalised.
        size: of the smallest group, see `SMALLEST`.

    Returns:
        Rows of each group, by falling cosine with the mean of its features: the most typical first, the oddest last.
        The largest group comes first. Images that lie in no dense place are in none.
    """
    smallest = SMALLEST[size]
    if len(places) < smallest:
        return []
    clusters = HDBSCAN(
        min_cluster_size=smallest, min_samples=_CORE_NEIGHBOURS, cluster_selection_method="leaf", copy=True
    ).fit_predict(places)
    groups = [_typical_first(np.flatnonzero(clusters == it), features) for it in range(clusters.max() + 1)]
    return sorted(groups, key=lambda rows: (-len(rows), rows.min()))


def _typical_first(rows: np.ndarray, features: np.ndarray) -> np.ndarray:
    members = features[rows]
    return rows[np.argsort(-(members @ members.mean(axis=0)), kind="stable")]
