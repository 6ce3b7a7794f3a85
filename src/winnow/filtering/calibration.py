"""How far an image may be from another to be a copy of it: as far as it is from itself, slightly changed."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from winnow import tables
from winnow.filtering.copies import CopySpace, unit_mean
from winnow.filtering.reduction import fit_reduction

_CROP, _QUALITY = 0.9, 70


def lightly_changed(image: Image.Image) -> Image.Image:
    """The middle nine tenths of an image, at its size again, saved as a JPEG of quality 70."""
    width, height = image.size
    left, top = width * (1 - _CROP) / 2, height * (1 - _CROP) / 2
    cropped = image.resize(image.size, Image.Resampling.BICUBIC, box=(left, top, width - left, height - top))
    buffer = io.BytesIO()
    cropped.save(buffer, "JPEG", quality=_QUALITY)
    return Image.open(buffer).convert("RGB")


def chosen_for_change(count: int, *, most: int, seed: int) -> np.ndarray:
    """Sorted places of at most `most` of `count` images."""
    return np.sort(np.random.default_rng(seed).choice(count, min(most, count), replace=False))


def copy_distance(copies: CopySpace, places: np.ndarray, changed: np.ndarray) -> float:
    """The median Euclidean distance of unit vectors between images and their slightly changed selves.

    The median, since images of few pixels change much: at the 95th percentile 75 % of CIFAR-10 would be copies.

    Args:
        copies: of the dataset.
        places: (M,) int64, the images.
        changed: (M, D) features of what `lightly_changed` made of them.

    Returns:
        0 where M is 0.
    """
    if not len(places):
        return 0.0
    difference = copies[places].astype(np.float64) - copies.of(changed)
    return float(np.median(np.sqrt((difference**2).sum(axis=1))))


@dataclass(frozen=True)
class Reduced:
    """What comes of N features.

    Attributes:
        points: (N, d) float32, rows of length 1.
        copies: where copies are looked for.
        copy_distance: how far a copy may be there, 0 to 2.
    """

    points: np.ndarray
    copies: CopySpace
    copy_distance: float

    def arrays(self) -> dict[str, np.ndarray]:
        """For the file `points`."""
        return {
            "points": self.points,
            "copy_mean": self.copies.mean,
            "copy_distance": np.array(self.copy_distance, dtype=np.float64),
        }

    @property
    def sentence(self) -> str:
        return f"a copy is up to {self.copy_distance**2 / 2:.4f} away"


def reduced(
    image_id: np.ndarray,
    features: np.ndarray,
    is_filtered: np.ndarray,
    changed: Mapping[str, np.ndarray],
    *,
    dimensions: int | None,
) -> Reduced:
    """Reduce a dataset, and learn how far a copy may be.

    Args:
        image_id: (N,) str.
        features: (N, D) of any precision, also a memory map.
        is_filtered: (N,) bool, the images that the reduction learns from.
        changed: `image_id` (M,) and `features` (M, D) of some of these, lightly changed; none gives the distance 0.
        dimensions: of `winnow.filtering.reduction.fit_reduction`.
    """
    rows = np.flatnonzero(is_filtered)
    reduction = fit_reduction(features if len(rows) == len(features) else features[rows], dimensions=dimensions)
    copies = CopySpace(features, unit_mean(features, rows))
    places = tables.align(changed["image_id"], image_id, "the features") if len(changed["image_id"]) else rows[:0]
    return Reduced(reduction(features), copies, copy_distance(copies, places, changed["features"]))
