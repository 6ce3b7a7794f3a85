"""Where every image lies on the map."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow import tables

_COLUMNS = ("x2", "y2", "x3", "y3", "z3")
_METHODS = {"umap": "UMAP of the features", "pca": "the first principal components of the features"}


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


def place_images(image_id: np.ndarray, image_map: pd.DataFrame) -> Places:
    """The places that images have on the map.

    Args:
        image_id: (N,) unique ids.
        image_map: `image_id`, `method`, `x2`, `y2`, `x3`, `y3`, `z3`, in any order.

    Raises:
        WinnowError: if the map lacks an image.
    """
    rows = tables.align(image_id, image_map["image_id"].to_numpy(), "the map")
    found = image_map[list(_COLUMNS)].to_numpy(dtype=np.float64)[rows]
    return Places(found[:, :2], _scaled(found[:, 2:]), _METHODS[image_map["method"].iloc[0]])


def _scaled(places: np.ndarray) -> np.ndarray:
    centred: np.ndarray = places - places.mean(axis=0)
    centred /= max(float(np.linalg.norm(centred, axis=1).max()), 1e-12)
    return centred
