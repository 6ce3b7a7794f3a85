"""Where every image lies on the map."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow import tables
from winnow.errors import WinnowError

_COLUMNS = ("x2", "y2", "x3", "y3", "z3")


@dataclass(frozen=True)
class Places:
    """Attributes:
    flat: (N, 2) float64.
    space: (N, 3) float64, centred, the farthest image at distance 1.
    method: how they were found, in words.
    """

    flat: np.ndarray
    space: np.ndarray
    method: str


def place_images(features: np.ndarray, image_id: np.ndarray, *, image_map: pd.DataFrame | None = None) -> Places:
    """The places of the stage that lays images out, or, without it, the principal components of the features.

    Args:
        features: (N, D) float32, in the order of `image_id`.
        image_id: (N,) unique ids.
        image_map: `image_id`, `method`, `x2`, `y2`, `x3`, `y3`, `z3`, in any order; None to use the features.

    Raises:
        WinnowError: if the map lacks a column or an image.
    """
    if image_map is None:
        space = _principal(features)
        return Places(space[:, :2], _scaled(space), "the first principal components of the features")
    missing = [column for column in _COLUMNS if column not in image_map.columns]
    if missing:
        raise WinnowError(f"the map lacks the column {missing[0]!r}; run 'dvc repro' to build it again.")
    rows = tables.align(image_id, image_map["image_id"].to_numpy(), "the map")
    found = image_map[list(_COLUMNS)].to_numpy(dtype=np.float64)[rows]
    method = {"umap": "UMAP of the features", "pca": "the first principal components of the features"}
    name = str(image_map["method"].iloc[0]) if "method" in image_map.columns and len(image_map) else "umap"
    return Places(found[:, :2], _scaled(found[:, 2:]), method.get(name, name))


def _principal(features: np.ndarray) -> np.ndarray:
    """(N, 3) principal components; each axis points so that its largest loading is positive, or signs would differ
    between machines. Dimensions that the features lack are 0."""
    centred = features.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :3]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    places = np.zeros((len(features), 3))
    places[:, : axes.shape[1]] = centred @ axes
    return places.round(6)


def _scaled(places: np.ndarray) -> np.ndarray:
    centred: np.ndarray = places - places.mean(axis=0)
    centred /= max(float(np.linalg.norm(centred, axis=1).max()), 1e-12)
    return centred
