"""Places for all images on a map: similar images lie close together."""

import warnings

import numpy as np
import pandas as pd

from winnow.learn.components import principal_components, turned
from winnow.learn.neighbours import nearest_neighbours

# Neighbours are sought among so many principal components: those of 1,280 features lie within them, 20 times faster.
_COMPONENTS = 50
# Fewer images than this have no neighbourhoods worth drawing.
_LEAST_FOR_UMAP = 30


def map_images(
    image_id: np.ndarray, features: np.ndarray, *, method: str, neighbours: int, min_distance: float, seed: int
) -> pd.DataFrame:
    """Give every image its place on the map; see `project`.

    Args:
        image_id: (N,) unique strings.
        features: (N, D) float32, L2-normalised, in the same order.
        method, neighbours, min_distance, seed: of `project`.

    Returns:
        A row per image, sorted by `image_id`: `method` (that was used), `x3`, `y3`, `z3`, `x2`, `y2` float32.
    """
    three, two, used = project(features, method=method, neighbours=neighbours, min_distance=min_distance, seed=seed)
    places = {f"{axis}3": three[:, i] for i, axis in enumerate("xyz")}
    places |= {f"{axis}2": two[:, i] for i, axis in enumerate("xy")}
    frame = pd.DataFrame({"image_id": image_id, "method": used, **places})
    return frame.sort_values("image_id", kind="stable", ignore_index=True)


def project(
    features: np.ndarray, *, method: str, neighbours: int, min_distance: float, seed: int
) -> tuple[np.ndarray, np.ndarray, str]:
    """Lay the images out in three and in two dimensions.

    Both layouts share one neighbour graph and start from the first principal components, so that the whole keeps its
    shape and only the layout's random steps need the seed (UMAP: McInnes et al., arXiv 1802.03426).

    Args:
        features: (N, D) float32, L2-normalised, N at least 1.
        method: `umap`, or `pca` for the principal components alone. `pca` is also taken for fewer than 30 images, and
            where UMAP finds no layout.
        neighbours: size of the neighbourhoods that `umap` keeps together.
        min_distance: how close `umap` may put two images; in [0, 1).
        seed: of the layout.

    Returns:
        (N, 3) and (N, 2) float32, centred and scaled so that nearly all images lie within 1 of the centre, and the
        method that was used.
    """
    components = _start(features)
    if method == "pca" or len(features) < _LEAST_FOR_UMAP:
        return _scaled(components[:, :3]), _scaled(components[:, :2]), "pca"
    graph = _neighbour_graph(components, min(neighbours, len(features) - 1))
    three, two = (
        _umap(components, graph, dimensions=dimensions, min_distance=min_distance, seed=seed) for dimensions in (3, 2)
    )
    if not (np.isfinite(three).all() and np.isfinite(two).all()):  # nothing but copies of a few images
        return _scaled(components[:, :3]), _scaled(components[:, :2]), "pca"
    return _scaled(three), _scaled(two), "umap"


def _start(features: np.ndarray) -> np.ndarray:
    """(N, at least 3, at most 50) float32 principal components, the widest first, without chance in their signs."""
    components = turned(principal_components(features, most=_COMPONENTS))
    return np.pad(components, ((0, 0), (0, max(0, 3 - components.shape[1])))).astype(np.float32)


def _neighbour_graph(components: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and cosine distances of each image's neighbours, itself first, as UMAP wants them."""
    unit = components / np.maximum(np.linalg.norm(components, axis=1, keepdims=True), 1e-12)
    similarity, found = nearest_neighbours(unit, k=neighbours)
    itself = np.arange(len(unit))[:, None]
    distance = np.maximum(1 - similarity, 0)
    return np.hstack([itself, found]), np.hstack([np.zeros_like(distance[:, :1]), distance])


def _umap(
    components: np.ndarray, graph: tuple[np.ndarray, np.ndarray], *, dimensions: int, min_distance: float, seed: int
) -> np.ndarray:
    from umap import UMAP  # it compiles itself on import, which takes ten seconds

    start = components[:, :dimensions]
    reducer = UMAP(
        n_neighbors=graph[0].shape[1],
        n_components=dimensions,
        min_dist=min_distance,
        metric="cosine",
        init=np.ascontiguousarray(10 * start / max(np.abs(start).max(), 1e-12)),
        precomputed_knn=(*graph, None),
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="precomputed_knn", category=UserWarning)  # only for new images
        layout: np.ndarray = reducer.fit_transform(components)
    return layout


def _scaled(places: np.ndarray) -> np.ndarray:
    """Centred on the median; 99 % of the images within 1. Rounded: no one sees the fifth digit."""
    centred = places - np.median(places, axis=0)
    reach = np.quantile(np.linalg.norm(centred, axis=1), 0.99)
    scaled: np.ndarray = centred / max(reach, 1e-9)
    return scaled.round(4).astype(np.float32)
