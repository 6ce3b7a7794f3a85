"""Principal components: the directions in which rows differ most."""

import numpy as np


def principal_components(features: np.ndarray, *, most: int) -> np.ndarray:
    """(N, min(D, `most`)) float64 places of (N, D) features along the axes of most variance, the widest first."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    components: np.ndarray = centred @ principal_axes(centred.T @ centred, most=most)
    return components


def principal_axes(products: np.ndarray, *, most: int) -> np.ndarray:
    """(D, min(D, `most`)) orthonormal columns, the direction of most variance first; of either sign.

    Args:
        products: (D, D) float64, of rows with themselves: X.T @ X, on any scale.
        most: how many directions to keep.
    """
    _, basis = np.linalg.eigh(products)
    axes: np.ndarray = basis[:, ::-1][:, :most]
    return axes


def turned(columns: np.ndarray) -> np.ndarray:
    """The columns, each turned so that its value of the largest size is positive: so no sign is left to chance."""
    largest = np.take_along_axis(columns, np.abs(columns).argmax(axis=0)[None], axis=0)
    return columns * np.where(largest < 0, -1, 1)
