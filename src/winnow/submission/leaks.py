"""Validation images that training has seen too, by the test with which the pipeline keeps its own sets apart."""

import hashlib
from collections.abc import Sequence

import numpy as np

from winnow.detect.duplicates.search import LEAK_HASH_DISTANCE, cross_duplicates


class LeakSearch:
    """Looks for the images of a validation set among training images that pass by in batches.

    Attributes:
        identical: validation file name to the first training file name with the same pixels.
        alike: the same for near duplicates that are not identical.
    """

    def __init__(self, names: Sequence[str], pixels: Sequence[np.ndarray]) -> None:
        """Args: the validation set's N file names, and for each (H, W, 3) uint8 pixels of one common size."""
        self._names = list(names)
        self._pixels = np.stack(pixels) if len(pixels) else np.empty((0, 1, 1, 3), dtype=np.uint8)
        self._by_digest: dict[str, list[str]] = {}
        for name, image in zip(self._names, pixels, strict=True):
            self._by_digest.setdefault(_digest(image), []).append(name)
        self.identical: dict[str, str] = {}
        self.alike: dict[str, str] = {}

    def look_for_identical(self, names: Sequence[str], pixels: Sequence[np.ndarray]) -> None:
        """Compare with M training images, exactly."""
        for name, image in zip(names, pixels, strict=True):
            for found in self._by_digest.get(_digest(image), []):
                self.identical.setdefault(found, name)

    def look_for_alike(self, names: Sequence[str | None], pixels: np.ndarray) -> None:
        """Compare with M images, by perceptual hash; one without a name is no training image, only background."""
        if not self._names or not len(names):
            return
        pairs = cross_duplicates(self._pixels, pixels, max_hash_distance=LEAK_HASH_DISTANCE)
        for own, other, _ in pairs:
            if names[other] is not None:
                self.alike.setdefault(self._names[own], names[other])


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()
