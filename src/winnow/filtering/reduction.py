"""Features made fit for comparing: centred, rotated to their principal components, and scaled to length 1."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from winnow.encoders.normalise import l2_normalised
from winnow.errors import WinnowError
from winnow.learn.components import principal_axes, turned

_ROWS = 4096


@dataclass(frozen=True)
class Reduction:
    """A linear map, learned once and then used for any image.

    Features behind a ReLU all point into one corner of the space: not centred, all cosines are near 1 and clusters
    chain. Long vectors are confident images of some classes, not unusual ones: so the length goes.

    Attributes:
        mean: (D,) float64.
        basis: (D, d) float64, orthonormal columns, the direction of most variance first.
    """

    mean: np.ndarray
    basis: np.ndarray

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(N, d) float32 principal component scores of (N, D) features, each with its own spread."""
        scores = np.empty((len(features), self.basis.shape[1]), dtype=np.float32)
        for part in _batches(features):
            scores[part] = (features[part].astype(np.float64) - self.mean) @ self.basis
        return scores

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(N, d) float32, rows of length 1; an image at the very mean is a row of zeros."""
        return l2_normalised(self.scores(features))


def fit_reduction(features: np.ndarray, *, dimensions: int | None, rows: np.ndarray | None = None) -> Reduction:
    """Find mean and principal components.

    Args:
        features: (N, D) float of any precision, an array or a memory map, read in batches.
        dimensions: how many components to keep, at most the number of images and D; None centres alone.
        rows: (M,) int64 images to learn from; None for all.

    Raises:
        WinnowError: if there is no image, or a feature is not finite.
    """
    rows = np.arange(len(features)) if rows is None else rows
    count, width = len(rows), features.shape[1]
    if not count:
        raise WinnowError("there are no features to reduce; name a dataset that holds images.")
    total = np.zeros(width)
    for part in _batches(rows):
        total += features[rows[part]].sum(axis=0, dtype=np.float64)
    mean = total / count
    if not np.isfinite(mean).all():
        raise WinnowError(
            f"{int((~np.isfinite(mean)).sum())} of {width} features are not finite in some image; choose another "
            "layer, or extract them again."
        )
    if dimensions is None:
        return Reduction(mean, np.eye(width))
    covariance = np.zeros((width, width))
    for part in _batches(rows):
        centred = features[rows[part]].astype(np.float64) - mean
        covariance += centred.T @ centred
    return Reduction(mean, turned(principal_axes(covariance, most=min(dimensions, count))))


def _batches(images: np.ndarray) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, len(images), _ROWS))
