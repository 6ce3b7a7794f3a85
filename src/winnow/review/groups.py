"""Groups of alike images, each from its most typical member to its oddest.

`python -m winnow.review.groups SMALLEST` clusters the places that it reads and writes a cluster per place.
"""

import io
import subprocess
import sys
from collections.abc import Sequence
from typing import Literal

import numpy as np

from winnow.errors import WinnowError

Size = Literal["small", "medium", "large"]
SMALLEST: dict[Size, int] = {"small": 8, "medium": 20, "large": 60}
"""The fewest images of a group."""
_CORE_NEIGHBOURS = 5  # within which the map is dense
_MOST_HERE = 5000  # images that this process clusters itself


def map_groups(places: np.ndarray, features: np.ndarray, *, size: Size) -> list[np.ndarray]:
    """Cluster the map with HDBSCAN (Campello, Moulavi and Sander 2013) and sort the members of each group.

    The leaves of its tree are taken, not the largest clusters: those are the classes, and a person is to judge a group
    at a glance.

    Args:
        places: (N, 3) coordinates on the map.
        features: (N, D) float32, L2-normalised.
        size: of the smallest group, see `SMALLEST`.

    Returns:
        As `members` returns them. Images that lie in no dense place are in none.

    Raises:
        WinnowError: if the process that clusters many places fails.
    """
    smallest = SMALLEST[size]
    if len(places) < smallest:
        return []
    return members((_clusters if len(places) <= _MOST_HERE else _clusters_aside)(places, smallest), features)


def members(group: np.ndarray, features: np.ndarray) -> list[np.ndarray]:
    """Rows of each group, by falling cosine with the mean of its features: the most typical first, the oddest last.

    Args:
        group: (N,) int, -1 for images in none.
        features: (N, D) float32, L2-normalised.

    Returns:
        The largest group first.
    """
    groups = [_typical_first(np.flatnonzero(group == it), features) for it in np.unique(group[group >= 0])]
    return sorted(groups, key=lambda rows: (-len(rows), rows.min()))


def apart(groups: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
    """(N,) float32: how far the group of each image is from the nearest other one, NaN for images in none.

    The distance is one less the cosine of the means. A group of foreign images is far from all others, also where its
    members lie so close together that each of them is near to some image.

    Args:
        groups: rows of each.
        features: (N, D) float32, L2-normalised.
    """
    distance = np.full(len(features), np.nan, dtype=np.float32)
    if groups:
        means = np.stack([features[rows].mean(axis=0) for rows in groups])
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        cosine = means @ means.T
        np.fill_diagonal(cosine, -1)
        for rows, nearest in zip(groups, cosine.max(axis=1), strict=True):
            distance[rows] = 1 - nearest
    return distance


def _clusters(places: np.ndarray, smallest: int) -> np.ndarray:
    """(N,) int, -1 for places in no cluster."""
    from sklearn.cluster import HDBSCAN

    clusters: np.ndarray = HDBSCAN(
        min_cluster_size=smallest, min_samples=_CORE_NEIGHBOURS, cluster_selection_method="leaf", copy=True
    ).fit_predict(places)
    return clusters


def _clusters_aside(places: np.ndarray, smallest: int) -> np.ndarray:
    """The same in a process of its own: HDBSCAN lets no other thread of its process run, for seconds."""
    asked = io.BytesIO()
    np.save(asked, places)
    command = [sys.executable, "-m", "winnow.review.groups", str(smallest)]
    done = subprocess.run(command, input=asked.getvalue(), capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").split("\n")
        raise WinnowError(f"the groups of the map could not be made ({next(filter(None, reversed(lines)), '')}).")
    clusters: np.ndarray = np.load(io.BytesIO(done.stdout))
    return clusters


def _typical_first(rows: np.ndarray, features: np.ndarray) -> np.ndarray:
    own = features[rows]
    return rows[np.argsort(-(own @ own.mean(axis=0)), kind="stable")]


if __name__ == "__main__":
    np.save(sys.stdout.buffer, _clusters(np.load(io.BytesIO(sys.stdin.buffer.read())), int(sys.argv[1])))
