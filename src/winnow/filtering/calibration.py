"""How far an image may be from another to be a copy of it: as far as it is from itself, slightly changed."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from winnow import tables
from winnow.filtering.reduction import Reduction, fit_reduction

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


def copy_distance(reduction: Reduction, features: np.ndarray, changed: np.ndarray) -> float:
    """The median Euclidean distance of unit vectors between images and their slightly changed selves.

    The median, since images of few pixels change much: at the 95th percentile 75 % of CIFAR-10 would be copies.

    Args:
        reduction: of the dataset.
        features: (M, D) of the images.
        changed: (M, D) of what `lightly_changed` made of them.
    """
    difference = reduction(features).astype(np.float64) - reduction(changed)
    return float(np.median(np.sqrt((difference**2).sum(axis=1))))


def reduced(
    image_id: np.ndarray,
    features: np.ndarray,
    is_filtered: np.ndarray,
    changed: Mapping[str, np.ndarray],
    *,
    dimensions: int | None,
) -> tuple[np.ndarray, float]:
    """Reduce a dataset, and learn how far a copy may be.

    Args:
        image_id: (N,) str.
        features: (N, D) of any precision, also a memory map.
        is_filtered: (N,) bool, the images that the reduction learns from.
        changed: `image_id` (M,) and `features` (M, D) of some of these, lightly changed; none gives the distance 0.
        dimensions: of `winnow.filtering.reduction.fit_reduction`.

    Returns:
        (N, d) float32 points of length 1, and the distance of `copy_distance`.
    """
    rows = np.flatnonzero(is_filtered)
    reduction = fit_reduction(features if len(rows) == len(features) else features[rows], dimensions=dimensions)
    points = reduction(features)
    if not len(changed["image_id"]):
        return points, 0.0
    place = tables.align(changed["image_id"], image_id, "the features")
    return points, copy_distance(reduction, np.asarray(features[place]), changed["features"])
