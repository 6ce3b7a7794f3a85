"""Horizontal mirroring."""

import numpy as np


def flip(pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    """Mirror (H, W, 3) uint8 pixels left to right; nothing is left to chance, so a second flip is the same image."""
    return np.ascontiguousarray(pixels[:, ::-1])
