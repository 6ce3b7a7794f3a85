"""Pictures for the tests of the augmentation policy."""

import numpy as np
import torch


def dark_levels() -> torch.Tensor:
    """(4, 3, 40, 30) of whole 8-bit levels, more of them dark than light, and none black or white."""
    levels = np.random.default_rng(0).beta(2, 4, (4, 3, 40, 30)) * 235 + 10
    return torch.tensor(levels.round() / 255, dtype=torch.float32)


def photo(size: tuple[int, int] = (64, 64), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def halves(axis: int, count: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Images of 16 x 16: of class 0 the first half along `axis` is the bright one, of class 1 the second."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, count)
    place = np.arange(16) // 8 == labels[:, None]  # (N, 16)
    bright = place[:, :, None, None] if axis == 0 else place[:, None, :, None]
    return (rng.integers(20, 90, (count, 16, 16, 3)) + 120 * bright).astype(np.uint8), labels
