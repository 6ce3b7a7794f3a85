"""Values of some images as a table of all of them."""

import numpy as np
import pandas as pd


def with_names(values: pd.DataFrame, reference_id: np.ndarray) -> pd.DataFrame:
    """`values` of `value_images` with `nearest_reference` as one of (J,) ids, "" where there is none."""
    names = np.append(reference_id.astype(object), "")
    return values.assign(nearest_reference=names[values["nearest_reference"].to_numpy()])


def for_all_images(values: pd.DataFrame, image_id: np.ndarray) -> pd.DataFrame:
    """A row for every image, whether it was valued or not.

    Args:
        values: of `value_images`, with `nearest_reference` as an id.
        image_id: (N,) str, the valued ones among them.

    Returns:
        `values` in the order of `image_id`; of an image without values the floats are NaN, `points_harmed` is 0 and
        `nearest_reference` is "".
    """
    found = values.set_index("image_id").reindex(image_id).rename_axis("image_id").reset_index()
    found["nearest_reference"] = found["nearest_reference"].fillna("").astype(object)
    return found.assign(points_harmed=found["points_harmed"].fillna(0).astype(np.int64))
