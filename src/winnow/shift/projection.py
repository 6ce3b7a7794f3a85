"""Principal components of rows that are read in blocks."""

from dataclasses import dataclass

import numpy as np

from winnow.learn.components import principal_axes

_ROWS = 16384


@dataclass(frozen=True)
class Projection:
    """The first principal components of some rows, scaled so that these lie at distance 1 from their mean on average
    (root mean square)."""

    mean: np.ndarray
    basis: np.ndarray

    @classmethod
    def fitted(cls, rows: np.ndarray, *, directions: int) -> "Projection":
        """Args: (N, D) floats, a memory map or not; and how many components to keep, the widest first."""
        count, width = rows.shape
        total, product = np.zeros(width), np.zeros((width, width))
        shift = np.asarray(rows[:_ROWS], dtype=np.float64).mean(axis=0).astype(np.float32)  # against cancellation
        for start in range(0, count, _ROWS):
            block = np.asarray(rows[start : start + _ROWS], dtype=np.float32) - shift
            total += block.sum(axis=0, dtype=np.float64)
            product += block.T @ block
        mean = total / count
        covariance = product / count - np.outer(mean, mean)
        scale = float(np.sqrt(max(np.trace(covariance), 1e-24)))
        basis = principal_axes(covariance, most=directions) / scale
        return cls((mean + shift).astype(np.float32), np.ascontiguousarray(basis, dtype=np.float32))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """(N, d) float32 of (N, D) rows."""
        parts = [
            (np.asarray(rows[start : start + _ROWS], dtype=np.float32) - self.mean) @ self.basis
            for start in range(0, len(rows), _ROWS)
        ]
        return np.ascontiguousarray(np.concatenate(parts), dtype=np.float32)
