"""Changes of brightness, contrast, saturation and hue."""

from functools import cache

import albumentations
import numpy as np


@cache
def _transform() -> albumentations.BasicTransform:
    # Hue barely moves: what colour an animal is says much about which it is.
    return albumentations.ColorJitter(
        brightness=(0.7, 1.3), contrast=(0.7, 1.3), saturation=(0.6, 1.4), hue=(-0.03, 0.03), p=1.0
    )


def color(pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    """Change brightness and contrast by up to 30 %, saturation by 40 % and hue by 3 % of (H, W, 3) uint8 pixels."""
    transform = _transform()
    transform.set_random_seed(seed)
    copy: np.ndarray = transform(image=pixels)["image"]
    return copy
