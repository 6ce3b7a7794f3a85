"""Test rows that the classifier was trained on, found by their features."""

import faiss
import numpy as np

from winnow.shift.projection import Projection

DIRECTIONS = 64
_ROWS = 16384


def nearest_distance(train: np.ndarray, *queries: np.ndarray) -> list[np.ndarray]:
    """How far each row is from the nearest training row.

    Distances are Euclidean among the first 64 principal components of the training rows, scaled so that a training row
    lies at distance 1 from their mean on average (root mean square).

    Args:
        train: (N, D) floats; read in blocks, so it may be a memory map.
        queries: (M, D) each.

    Returns:
        (M,) float64 of each of `queries`.
    """
    projection = Projection.fitted(train, directions=DIRECTIONS)
    index = faiss.IndexFlatL2(projection.basis.shape[1])
    for start in range(0, len(train), _ROWS):
        index.add(projection.of(train[start : start + _ROWS]))

    def nearest(rows: np.ndarray) -> np.ndarray:
        found = np.maximum(index.search(projection.of(rows), 1)[0][:, 0], 0)
        return np.sqrt(found, dtype=np.float64)

    return [
        np.concatenate([nearest(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)])
        for rows in queries
    ]


def leaked_rows(distances: list[np.ndarray], *, ratio: float) -> list[np.ndarray]:
    """Which rows are copies of training rows: those far nearer to one than is usual.

    Args:
        distances: (N,) each, of `nearest_distance`, a test set each.
        ratio: a row is a copy below this share of the usual distance, the largest of the sets' medians. Where rows are
            alike by nature (constant features) that is 0, and no row is called a copy.

    Returns:
        (N,) bool of each set.
    """
    usual = max(float(np.median(distance)) for distance in distances)
    return [distance < ratio * usual for distance in distances]
