"""Images of one split that are copies of another split's: told, not removed."""

import numpy as np
import pandas as pd

from winnow.filtering.cover import Points, nearest_copy


def leaks(image_id: np.ndarray, copies: Points, is_filtered: np.ndarray, *, within: float) -> pd.DataFrame:
    """Find, for each image that is not filtered, the nearest that is, and whether they are copies.

    Args:
        image_id: (N,) str.
        copies: N images where copies are looked for.
        is_filtered: (N,) bool.
        within: Euclidean distance of unit vectors of `copies` up to which an image is a leak.

    Returns:
        `image_id`, `copy_of`, `distance`, the nearest first.
    """
    columns = ["image_id", "copy_of", "distance"]
    outside = np.flatnonzero(~is_filtered)
    if not len(outside):
        return pd.DataFrame({"image_id": [], "copy_of": [], "distance": []}).astype({"distance": np.float64})
    place, distance = nearest_copy(copies, outside, np.flatnonzero(is_filtered))
    near = distance <= within
    values = (image_id[outside][near], image_id[place][near], distance[near])
    found = pd.DataFrame(dict(zip(columns, values, strict=True)))
    return found.sort_values(["distance", "image_id"], ignore_index=True)
