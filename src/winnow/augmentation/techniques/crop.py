"""Random resized crop (Szegedy et al., 2015, arXiv 1409.4842)."""

from functools import cache

import albumentations
import cv2
import numpy as np

# Half of the area at least: a stored copy is seen every epoch, and a harder crop often loses the object.
_SCALE = (0.5, 0.9)
_RATIO = (0.8, 1.25)


@cache
def _transform(height: int, width: int) -> albumentations.BasicTransform:
    return albumentations.RandomResizedCrop(
        size=(height, width), scale=_SCALE, ratio=_RATIO, interpolation=cv2.INTER_CUBIC, p=1.0
    )


def crop(pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    """Cut a window of 50 to 90 % of the area from (H, W, 3) uint8 pixels and scale it back to (H, W)."""
    transform = _transform(*pixels.shape[:2])
    transform.set_random_seed(seed)
    copy: np.ndarray = transform(image=pixels)["image"]
    return copy
