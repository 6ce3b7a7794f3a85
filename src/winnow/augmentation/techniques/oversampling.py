"""Identical copies, for raising small classes without changing an image."""

import numpy as np


def oversampling(pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    """Return `pixels` itself, so that the source's bytes are copied."""
    return pixels
