"""Centres of k-means, and the blocks that they part very many images into."""

import faiss
import numpy as np

MOST_EXACT = 100_000
"""The most images whose tree is built whole; of more it is built in blocks."""
BLOCK = 5_000
"""Images of a block on average."""
_CENTRES_FROM = 100_000


def kmeans_centres(points: np.ndarray, *, clusters: int, seed: int) -> np.ndarray:
    """(clusters, D) float32 centres of k-means with 20 rounds on at most 256 images per centre, drawn by the seed."""
    kmeans = faiss.Kmeans(
        points.shape[1], min(clusters, len(points)), niter=20, seed=seed, min_points_per_centroid=1, verbose=False
    )
    kmeans.train(np.ascontiguousarray(points, dtype=np.float32))
    return np.asarray(kmeans.centroids)


def nearest(points: np.ndarray, among: np.ndarray, *, k: int) -> np.ndarray:
    """(N, k) int64 rows of `among` that are nearest to each of (N, D) points by Euclidean distance, nearest first."""
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(among, dtype=np.float32))
    found: np.ndarray = index.search(np.ascontiguousarray(points, dtype=np.float32), min(k, len(among)))[1]
    return found


def block_centres(points: np.ndarray, *, block: float, seed: int) -> np.ndarray:
    """(B, D) float32 centres of the blocks of (N, D) float32 points, N and B at least 2.

    Args:
        points: unit vectors.
        block: images of a block on average, each counted in its nearest centre's alone.
        seed: of the 100,000 images that centres are fitted on where there are more, and of the first centres.
    """
    count = len(points)
    rng = np.random.default_rng(seed)
    sample = points if count <= _CENTRES_FROM else points[np.sort(rng.choice(count, _CENTRES_FROM, replace=False))]
    return kmeans_centres(sample, clusters=max(2, round(count / block)), seed=seed)
