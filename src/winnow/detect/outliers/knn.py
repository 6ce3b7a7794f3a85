"""Distance to the nearest of the images that the other detectors find in distribution."""

import numpy as np

from winnow.detect.signals import Detector, Score


def knn_distance(features: np.ndarray, trusted: np.ndarray, *, neighbours: int) -> np.ndarray:
    """1 - cosine to the trusted neighbour of that rank; a trusted image is not its own neighbour.

    The neighbour counted lies farther out than a clump of outliers is large.

    Args:
        features: (N, D) float32, L2-normalised; searched by their first 256 principal components.
        trusted: (N,) bool.
        neighbours: which trusted neighbour counts; capped at what there is.

    Returns:
        (N,) float64 in [0, 2], higher is farther out.

    Source: Sun et al., arXiv 2204.06507.
    """
    from winnow.learn.neighbours import compact, nearest_neighbours  # takes long to import

    features = compact(features)
    positions = np.flatnonzero(trusted)
    k = min(neighbours, len(positions) - 1)
    similarity, found = nearest_neighbours(features[positions], k=k + 1, queries=features)
    itself = positions[found] == np.arange(len(features))[:, None]
    last = np.where(itself.any(axis=1), similarity[:, k], similarity[:, k - 1])
    return 1 - last.astype(np.float64)


DETECTOR = Detector(
    Score(
        name="knn_distance",
        meaning="1 - cosine to the trusted neighbours",
        worse="farther out",
        low=0,
        high=2,
    ),
    knn_distance,
    needs=("features", "trusted"),
    options=("neighbours",),
)
