"""Points of a dataset by either method of the section `reduce`: principal components, or a layout by UMAP."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from winnow.errors import WinnowError
from winnow.filtering.calibration import Reduced, reduced
from winnow.learn.neighbours import nearest_neighbours

MOST_LAID_OUT = 100_000
"""Images that UMAP lays out at most; above that, groups are ranked in blocks, too."""
_FEWEST = 30  # images that have neighbourhoods
_COMPONENTS = 50  # principal components that neighbours are sought among, at least
_NEIGHBOURS, _MIN_DISTANCE = 15, 0.1  # umap-learn's own
_REACH = 0.5  # of the farthest image from the middle: there the sphere stretches distances by a sixth at most


def reduced_by(
    method: Literal["pca", "umap"],
    image_id: np.ndarray,
    features: np.ndarray,
    is_filtered: np.ndarray,
    changed: Mapping[str, np.ndarray],
    *,
    dimensions: int | None,
    seed: int,
    most: int = MOST_LAID_OUT,
) -> Reduced:
    """Reduce a dataset, and learn how far a copy may be, which does not depend on the method.

    Args:
        method: `pca`, as `winnow.filtering.calibration.reduced` does; `umap` lays the filtered images out by UMAP, and
            puts each other one where the filtered image stands that is nearest by principal components.
        image_id, features, is_filtered, changed: of `reduced`.
        dimensions: of the components or of the layout; None only for `pca`.
        seed: of the layout.
        most: filtered images above which there is no layout.

    Raises:
        WinnowError: if there is no layout, or as `reduced` does.
    """
    if method == "pca" or dimensions is None:
        return reduced(image_id, features, is_filtered, changed, dimensions=dimensions)
    count = int(is_filtered.sum())
    if not _FEWEST <= count <= most:
        raise WinnowError(
            f"reduce.method is umap, which lays out {_FEWEST} to {most:,} images, and {count:,} are filtered; set it "
            "to pca."
        )
    found = reduced(image_id, features, is_filtered, changed, dimensions=max(dimensions, _COMPONENTS))
    own, others = found.points[is_filtered], found.points[~is_filtered]
    points = np.empty((len(found.points), min(dimensions, own.shape[1]) + 1), dtype=np.float32)
    points[is_filtered] = onto_sphere(_umap(own, dimensions=points.shape[1] - 1, seed=seed))
    if len(others):
        points[~is_filtered] = points[is_filtered][nearest_neighbours(own, k=1, queries=others)[1][:, 0]]
    return replace(found, points=points)


def onto_sphere(places: np.ndarray) -> np.ndarray:
    """(N, d + 1) float32, rows of length 1, nearly as far from one another as (N, d) places are, but for their scale.

    The places are centred, scaled to lie within half of the sphere's radius of its axis, and raised onto it. To scale
    each to length 1 would lay those on top of one another that lie in one direction.
    """
    centred = places.astype(np.float64) - places.mean(axis=0, dtype=np.float64)
    centred *= _REACH / max(float(np.linalg.norm(centred, axis=1).max()), 1e-12)
    height = np.sqrt(1 - np.einsum("ij,ij->i", centred, centred))
    return np.column_stack([centred, height]).astype(np.float32)


def _umap(points: np.ndarray, *, dimensions: int, seed: int) -> np.ndarray:
    """(N, dimensions) float32 layout of (N, D) unit vectors by cosine, which starts from their first columns."""
    from umap import UMAP  # it compiles itself on import, which takes ten seconds

    similarity, found = nearest_neighbours(points, k=_NEIGHBOURS - 1)
    itself = np.arange(len(points))[:, None]
    distance = np.maximum(1 - similarity, 0)
    start = points[:, :dimensions]
    reducer = UMAP(
        n_neighbors=_NEIGHBOURS,
        n_components=dimensions,
        min_dist=_MIN_DISTANCE,
        metric="cosine",
        init=np.ascontiguousarray(10 * start / max(float(np.abs(start).max()), 1e-12)),
        precomputed_knn=(np.hstack([itself, found]), np.hstack([np.zeros_like(distance[:, :1]), distance]), None),
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="precomputed_knn", category=UserWarning)  # only for new images
        layout: np.ndarray = reducer.fit_transform(points)
    if not np.isfinite(layout).all():
        raise WinnowError("UMAP finds no layout, as of copies of a few images; set reduce.method to pca.")
    return layout
