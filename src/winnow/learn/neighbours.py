"""Exact nearest neighbours by cosine."""

import faiss
import numpy as np

from winnow.learn.components import principal_axes


def nearest_neighbours(
    features: np.ndarray, *, k: int, queries: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` images of `features` most similar to each query; an image is never its own neighbour.

    An image is left out of its own neighbours by position, not by similarity: its exact copies stay in.

    Args:
        features: (N, D) float32, L2-normalised.
        k: neighbours per query; capped at N - 1 (N where there are queries).
        queries: (M, D) float32, L2-normalised, or None for the features themselves.

    Returns:
        (M, k) float32 cosine, falling along the row, and (M, k) int64 positions in `features`. Neighbours equally
        similar come in order of position.
    """
    features = np.ascontiguousarray(features, dtype=np.float32)
    index = faiss.IndexFlatIP(features.shape[1])
    index.add(features)
    if queries is not None:
        return _in_order(*index.search(np.ascontiguousarray(queries, dtype=np.float32), min(k, len(features))))
    k = min(k, len(features) - 1)
    similarity, found = index.search(features, k + 1)
    itself = found == np.arange(len(features))[:, None]
    # An image with more than k exact copies may not be among its own first k + 1: then the last one goes.
    itself[~itself.any(axis=1), -1] = True
    return _in_order(similarity[~itself].reshape(-1, k), found[~itself].reshape(-1, k))


def _in_order(similarity: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((found, -similarity), axis=1)
    return np.take_along_axis(similarity, order, axis=1), np.take_along_axis(found, order, axis=1)


def compact(features: np.ndarray, *, dimensions: int = 256) -> np.ndarray:
    """The features' first principal components, for searches whose cost grows with the dimensions.

    Args:
        features: (N, D) float32, L2-normalised.
        dimensions: how many to keep; features with no more come back as they are.

    Returns:
        (N, min(D, dimensions)) float32, L2-normalised. The mean is kept, so that a cosine stays nearly what it was.
    """
    if features.shape[1] <= dimensions:
        return features
    axes = principal_axes((features.T @ features).astype(np.float64), most=dimensions)
    reduced: np.ndarray = features @ axes.astype(np.float32)
    reduced /= np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-12)
    return reduced
