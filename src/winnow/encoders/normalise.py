"""Features of length 1."""

import numpy as np


def l2_normalised(features: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32; a row of zeros stays one."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    normalised: np.ndarray = np.divide(features, np.maximum(length, 1e-12)).astype(np.float32)
    return normalised
