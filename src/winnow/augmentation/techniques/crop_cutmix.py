"""CutMix of crops: two images of a class, each as it is or mirrored, in windows that no other copy shows."""

import numpy as np

from winnow.augmentation.techniques.crop import crop
from winnow.augmentation.techniques.cutmix import cutmix
from winnow.augmentation.techniques.flip import flip


def crop_cutmix(pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    """Lay a window of a crop of a partner over a crop of (H, W, 3) uint8 pixels; every second of each is mirrored.

    Raises:
        ValueError: if there is no partner, or its shape is another.
    """
    if partner is None:
        raise ValueError("crop_cutmix needs a partner")
    rng = np.random.default_rng(seed)
    views = [
        crop(flip(image, 0) if rng.random() < 0.5 else image, int(rng.integers(2**31))) for image in (pixels, partner)
    ]
    return cutmix(views[0], int(rng.integers(2**31)), views[1])
