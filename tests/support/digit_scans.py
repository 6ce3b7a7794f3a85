"""Real handwritten digits."""

import numpy as np
from sklearn.datasets import load_digits


def digit_scans(images: int) -> tuple[np.ndarray, np.ndarray]:
    """The first digits of scikit-learn's set, (N, 24, 24, 3) uint8 with every pixel three wide and high, and labels."""
    scans, labels = load_digits(return_X_y=True)
    grey = (scans[:images].reshape(-1, 8, 8) * 15.9).astype(np.uint8).repeat(3, axis=1).repeat(3, axis=2)
    return np.repeat(grey[..., None], 3, axis=3), labels[:images]
