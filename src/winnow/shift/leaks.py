"""Test rows that the classifier was trained on, found by their features."""

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from winnow.shift.projection import Projection

DIRECTIONS = 64
_AROUND = 10
_SAME = 1e-3  # of the usual distance: what rounding to float16 does to a row
_ROWS = 16384


@dataclass(frozen=True)
class Nearness:
    """How near M rows are to the training rows.

    Attributes:
        distance: (M,) float64 to the nearest one.
        around: (M,) float64 to the tenth nearest one.
    """

    distance: np.ndarray
    around: np.ndarray


def nearness(train: np.ndarray, *queries: np.ndarray) -> list[Nearness]:
    """How far each row is from the training rows.

    Distances are Euclidean among the first 64 principal components of the training rows, scaled so that a training row
    lies at distance 1 from their mean on average (root mean square).

    Args:
        train: (N, D) floats; read in blocks, so it may be a memory map.
        queries: (M, D) each.
    """
    projection = Projection.fitted(train, directions=DIRECTIONS)
    index = faiss.IndexFlatL2(projection.basis.shape[1])
    for start in range(0, len(train), _ROWS):
        index.add(projection.of(train[start : start + _ROWS]))

    def nearest(rows: np.ndarray) -> np.ndarray:
        found = index.search(projection.of(rows), min(_AROUND, len(train)))[0]
        return np.sqrt(np.maximum(found, 0), dtype=np.float64)

    result = []
    for rows in queries:
        found = np.concatenate([nearest(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)])
        result.append(Nearness(found[:, 0], found[:, -1]))
    return result


def leaked_rows(found: Sequence[Nearness], *, ratio: float) -> list[np.ndarray]:
    """Which rows are copies of training rows: those far nearer to one than is usual, and than to others around it.

    Features of a network lie in dense clumps, in which every row has a near neighbour: so a row counts only if its
    nearest training row is also far nearer than its tenth nearest, or is the same row but for rounding.

    Args:
        found: of `nearness`, of each test set.
        ratio: a row is a copy below this share of both distances; the usual one is the largest of the sets' medians.
            Where rows are alike by nature (constant features) that is 0, and no row is called a copy.

    Returns:
        (N,) bool of each set.
    """
    usual = max(float(np.median(one.distance)) for one in found)
    return [(one.distance < ratio * np.minimum(usual, one.around)) | (one.distance < _SAME * usual) for one in found]
