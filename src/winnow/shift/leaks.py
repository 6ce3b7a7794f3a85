"""Test rows that the classifier was trained on, found by their features."""

import faiss
import numpy as np

DIRECTIONS = 64
_QUERIES = 4096


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
    mean, basis, scale = _principal_directions(train)
    index = faiss.IndexFlatL2(basis.shape[1])
    for start in range(0, len(train), 65536):
        index.add(_projected(train[start : start + 65536], mean, basis, scale))
    return [
        np.concatenate(
            [
                np.sqrt(index.search(_projected(rows[start : start + _QUERIES], mean, basis, scale), 1)[0][:, 0])
                for start in range(0, len(rows), _QUERIES)
            ]
        ).astype(np.float64)
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


def _principal_directions(train: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean (D,), basis (D, d) float32 and scale, from the covariance summed in blocks."""
    count, width = train.shape
    total, product = np.zeros(width), np.zeros((width, width))
    for start in range(0, count, 65536):
        block = np.asarray(train[start : start + 65536], dtype=np.float32)
        total += block.sum(axis=0, dtype=np.float64)
        product += block.T @ block
    mean = total / count
    covariance = product / count - np.outer(mean, mean)
    scale = float(np.sqrt(max(np.trace(covariance), 1e-24)))
    _, basis = np.linalg.eigh(covariance)
    return mean.astype(np.float32), basis[:, ::-1][:, :DIRECTIONS].astype(np.float32), scale


def _projected(rows: np.ndarray, mean: np.ndarray, basis: np.ndarray, scale: float) -> np.ndarray:
    return np.ascontiguousarray((np.asarray(rows, dtype=np.float32) - mean) @ basis / scale, dtype=np.float32)
