"""Small rotations."""

from functools import cache

import albumentations
import cv2
import numpy as np

_MAX_DEGREES = 20


@cache
def _transform() -> albumentations.BasicTransform:
    # Reflected edges: black corners would be a mark that only copies carry, for a network to learn.
    return albumentations.Rotate(
        limit=(-_MAX_DEGREES, _MAX_DEGREES),
        interpolation=cv2.INTER_CUBIC,
        border_mode=cv2.BORDER_REFLECT_101,
        p=1.0,
    )


def rotation(pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    """Turn (H, W, 3) uint8 pixels about the centre by up to 20 degrees either way; the corners are reflections."""
    transform = _transform()
    transform.set_random_seed(seed)
    copy: np.ndarray = transform(image=pixels)["image"]
    return copy
