"""Test images that may have been seen in training."""

import numpy as np

from winnow.detect.duplicates.search import LEAK_HASH_DISTANCE, cross_duplicates


def leaked_images(seen: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Which test images are near duplicates of images that may have been trained on.

    Args:
        seen: (M, H, W, 3) uint8, what either arm could have seen.
        test: (N, H, W, 3) uint8.

    Returns:
        (N,) bool.
    """
    leaks = np.zeros(len(test), bool)
    leaks[[row for _, row, _ in cross_duplicates(seen, test, max_hash_distance=LEAK_HASH_DISTANCE)]] = True
    return leaks
