"""How far every image lies from the others: two distances that fail on different images, and their mean."""

import numpy as np
import pandas as pd
from sklearn.covariance import ledoit_wolf

from winnow.detect.neighbours import nearest_neighbours

_MAX_DIMENSIONS = 256
_IMAGES_PER_DIMENSION = 20  # fewer make the covariance's smallest directions noise
_FITS = 2  # each to the images nearest by the one before


def score_ood(features: np.ndarray, pred_probs: np.ndarray, *, neighbours: int, trim: float) -> pd.DataFrame:
    """Score every image by its distance to its neighbours and to the nearest class.

    The outliers are part of the data that both distances are learned from: an image is not its own neighbour, the
    neighbour counted lies farther out than a clump of outliers is large, and the classes are fitted without their
    farthest images.

    Args:
        features: (N, D) float32, L2-normalised.
        pred_probs: (N, K); an image counts towards its most probable class, whatever label it was given.
        neighbours: which nearest neighbour counts; more than any clump of outliers has. Capped at N - 1.
        trim: share of each class, the farthest, that is left out when its statistics are fitted, [0, 1).

    Returns:
        A row per image: `knn_distance` (1 - cosine to that neighbour), `mahalanobis_distance` (to the nearest class),
        `ood_score` (mean of the two in robust standard deviations above their medians). Higher is more out of
        distribution in all three.

    Sources: Sun et al., arXiv 2204.06507 (kNN); Lee et al., arXiv 1807.03888 (Mahalanobis, tied covariance).
    """
    similarity, _ = nearest_neighbours(features, k=neighbours)
    knn = 1 - similarity[:, -1].astype(np.float64)
    mahalanobis = mahalanobis_distance(features, pred_probs.argmax(axis=1), trim=trim)
    return pd.DataFrame(
        {
            "knn_distance": knn,
            "mahalanobis_distance": mahalanobis,
            "ood_score": (robust_z(knn) + robust_z(mahalanobis)) / 2,
        }
    )


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
        (N,) float64.
    """
    _, classes, size = np.unique(classes, return_inverse=True, return_counts=True)
    reduced = _principal_components(features)
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
        whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T
        white, white_means = reduced @ whitening, means @ whitening
        distance = np.stack([np.linalg.norm(white - mean, axis=1) for mean in white_means], axis=1)  # (N, K)
        own = distance[rows, classes]
    return distance.min(axis=1)


def robust_z(values: np.ndarray) -> np.ndarray:
    """(N,) values as distances from their median, in standard deviations as estimated from the median deviation."""
    deviation = values - np.median(values)
    spread = 1.4826 * np.median(np.abs(deviation))
    return deviation / max(spread, 1e-12)


def _principal_components(features: np.ndarray) -> np.ndarray:
    """(N, d) float64 coordinates along the d directions of most variance."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    dimensions = max(1, min(_MAX_DIMENSIONS, features.shape[1], len(features) // _IMAGES_PER_DIMENSION))
    _, basis = np.linalg.eigh(centred.T @ centred)
    return centred @ basis[:, ::-1][:, :dimensions]
