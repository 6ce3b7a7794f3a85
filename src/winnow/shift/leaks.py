"""Test rows that the classifier was trained on, found by their features."""

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from winnow.shift.projection import Projection

DIRECTIONS = 64
_AROUND = 10
_SAME = 1e-3  # of the usual distance: what rounding to float16 does to a row
_ROUNDING = 1e-3  # what the search in float32 takes for the distance of a row to itself, at most
_ROWS = 16384
_SOME = 1024  # training rows that tell how far they are from one another


@dataclass(frozen=True)
class Nearness:
    """How near M rows are to the training rows.

    Attributes:
        distance: (M,) float64 to the nearest one.
        around: (M,) float64 to the tenth nearest one.
        usual: what is usual for `distance`, the same for all test sets: the largest of their medians. Where most rows
            of every set are training rows, it is the median from a training row to the next one; 0 where most of those
            are alike too.
    """

    distance: np.ndarray
    around: np.ndarray
    usual: float


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

    found = [
        np.concatenate([nearest(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)])
        for rows in queries
    ]
    usual = max(float(np.median(distances[:, 0])) for distances in found)
    if usual < _ROUNDING:
        own = nearest(train[:: -(-len(train) // _SOME)])[:, 1:2]  # the first is the row itself
        usual = float(np.median(own)) if own.size else 0.0
    usual = usual if usual >= _ROUNDING else 0.0
    return [Nearness(distances[:, 0], distances[:, -1], usual) for distances in found]


def leaked_rows(found: Sequence[Nearness], *, ratio: float) -> list[np.ndarray]:
    """Which rows are copies of training rows: those far nearer to one than is usual, and than to others around it.

    Features of a network lie in dense clumps, in which every row has a near neighbour: so a row counts only if its
    nearest training row is also far nearer than its tenth nearest, or is the same row but for rounding.

    Args:
        found: of `nearness`, of each test set.
        ratio: a row is a copy below this share of both distances. Where rows are alike by nature (constant features)
            the usual one is 0, and no row is called a copy.

    Returns:
        (N,) bool of each set.
    """
    return [
        (one.distance < ratio * np.minimum(one.usual, one.around)) | (one.distance < _SAME * one.usual) for one in found
    ]
