"""Distance to the nearest class by class means and one covariance, fitted as if the outliers were not there."""

import numpy as np
import pandas as pd

from winnow.detect.signals import Detector, Score
from winnow.learn.components import principal_components

_MAX_DIMENSIONS = 256
_IMAGES_PER_DIMENSION = 20  # fewer make the covariance's smallest directions noise
_FITS = 2  # each to the images nearest by the one before
_RIDGE = 1e-9  # of the mean variance; keeps the covariance invertible where the images of a class are all alike


def mahalanobis_distance(features: np.ndarray, classes: np.ndarray, *, trim: float) -> np.ndarray:
    """Distance to the nearest class mean, in units of the covariance within classes, robustly fitted.

    Features are reduced to their first principal components, at most 256 and one per 20 images; the covariance is
    tied and shrunk (Ledoit and Wolf 2004). Fitted to the images nearest to their own class's median, then again to
    those nearest by the first fit.

    Args:
        features: (N, D) float32.
        classes: (N,) int.
        trim: share of each class left out of the fits, [0, 1).

    Returns:
        (N,) float64, higher is farther out.

    Source: Lee et al., arXiv 1807.03888.
    """
    from sklearn.covariance import ledoit_wolf  # takes long to import

    _, classes, size = np.unique(classes, return_inverse=True, return_counts=True)
    most = max(1, min(_MAX_DIMENSIONS, len(features) // _IMAGES_PER_DIMENSION))
    reduced = principal_components(features, most=most)
    rows, kept_size = np.arange(len(reduced)), np.ceil((1 - trim) * size)
    # A first fit to everything would let a clump of outliers widen the covariance towards itself and so hide; plain
    # distances to the classes' medians do not.
    centres = np.stack([np.median(reduced[classes == label], axis=0) for label in range(len(size))])
    own = np.linalg.norm(reduced - centres[classes], axis=1)
    for _ in range(_FITS):
        rank = pd.Series(own).groupby(classes).rank(method="first").to_numpy()
        kept = rank <= kept_size[classes]
        means = np.stack([reduced[kept & (classes == label)].mean(axis=0) for label in range(len(size))])
        covariance, _ = ledoit_wolf(reduced[kept] - means[classes[kept]], assume_centered=True)
        covariance[np.diag_indices_from(covariance)] += _RIDGE * np.diag(covariance).mean() + 1e-12
        whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T
        white, white_means = reduced @ whitening, means @ whitening
        distance = np.stack([np.linalg.norm(white - mean, axis=1) for mean in white_means], axis=1)  # (N, K)
        own = distance[rows, classes]
    nearest: np.ndarray = distance.min(axis=1)
    return nearest


DETECTOR = Detector(
    Score(
        name="mahalanobis_distance",
        meaning="to the nearest class",
        worse="farther out",
        unit="standard deviations",
        low=0,
    ),
    mahalanobis_distance,
    needs=("features", "classes"),
    options=("trim",),
)
