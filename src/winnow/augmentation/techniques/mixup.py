"""Mixup (Zhang et al., 2018, arXiv 1710.09412) within a class."""

import numpy as np


def mixup(pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    """Blend (H, W, 3) uint8 pixels with a partner of the same class.

    A file of one-hot labels cannot carry the mixed labels of the paper, hence one class only. The source's share is
    uniform in [0.5, 0.8]: always the larger, and never so large that the partner cannot be seen.

    Raises:
        ValueError: if there is no partner, or its shape is another.
    """
    if partner is None or partner.shape != pixels.shape:
        raise ValueError("mixup needs a partner of the same shape")
    share = np.random.default_rng(seed).uniform(0.5, 0.8)
    blend = share * pixels.astype(np.float32) + (1.0 - share) * partner.astype(np.float32)
    return np.rint(blend).astype(np.uint8)
