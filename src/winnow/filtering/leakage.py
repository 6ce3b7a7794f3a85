"""Images of one split that are copies of another split's: told, not removed."""

import numpy as np
import pandas as pd

from winnow.filtering.cover import Points
from winnow.filtering.groups import nearest


def leaks(
    image_id: np.ndarray, points: np.ndarray, copies: Points, is_filtered: np.ndarray, *, within: float
) -> pd.DataFrame:
    """Find, for each image that is not filtered, the nearest that is, and whether they are copies.

    Args:
        image_id: (N,) str.
        points: (N, D) float32, rows of length 1, by which the nearest is found.
        copies: the same images where copies are looked for.
        is_filtered: (N,) bool.
        within: Euclidean distance of unit vectors of `copies` up to which an image is a leak.

    Returns:
        `image_id`, `copy_of`, `distance`, the nearest first.
    """
    columns = ["image_id", "copy_of", "distance"]
    outside = np.flatnonzero(~is_filtered)
    if not len(outside):
        return pd.DataFrame({"image_id": [], "copy_of": [], "distance": []}).astype({"distance": np.float64})
    inside = np.flatnonzero(is_filtered)
    place = inside[nearest(points[outside], points[inside], k=1)[:, 0]]
    distance = np.linalg.norm(copies[outside].astype(np.float64) - copies[place], axis=1)
    near = distance <= within
    values = (image_id[outside][near], image_id[place][near], distance[near])
    found = pd.DataFrame(dict(zip(columns, values, strict=True)))
    return found.sort_values(["distance", "image_id"], ignore_index=True)
