"""Features that were made elsewhere."""

from pathlib import Path

import numpy as np

from winnow import tables
from winnow.errors import WinnowError


def read_features(path: str | Path, image_ids: np.ndarray) -> np.ndarray:
    """Features of these images from a file.

    Args:
        path: an .npz with `image_id` (N,) and `features` (N, D); or a Parquet or CSV table with a column `image_id` and
            a column of numbers per feature.
        image_ids: (M,) ids; all must be in the file.

    Returns:
        (M, D) float32.

    Raises:
        WinnowError: if the file is missing, of another kind, or lacks an image, or the length of an image's features is
            not finite in float32.
    """
    path = Path(path)
    if not path.exists():
        raise WinnowError(f"there are no features at {path}; name an .npz, Parquet or CSV file.")
    if path.suffix == ".npz":
        arrays = tables.read_arrays(path)
        if not {"image_id", "features"} <= set(arrays):
            raise WinnowError(f"{path} holds {', '.join(arrays)}; it needs the arrays image_id and features.")
        ids, features = arrays["image_id"], arrays["features"]
    elif path.suffix in (".parquet", ".csv"):
        frame = (
            tables.read_parquet(path)
            if path.suffix == ".parquet"
            else tables.read_csv(path, text=lambda column: column == "image_id")
        )
        if "image_id" not in frame:
            raise WinnowError(f"{path} has no column image_id; add it, it names the images.")
        ids = frame["image_id"].to_numpy()
        features = frame.drop(columns="image_id").select_dtypes("number").to_numpy()
    else:
        raise WinnowError(f"{path} is no .npz, .parquet or .csv file; write the features as one of these.")
    rows = tables.align(image_ids, ids, str(path))
    with np.errstate(over="ignore"):
        found = np.asarray(features[rows], dtype=np.float32)
        wrong = ~np.isfinite(np.einsum("nd,nd->n", found, found))
    if wrong.any():
        raise WinnowError(
            f"{path} holds features of {str(image_ids[wrong][0])!r} that are missing, infinite or too large for "
            "float32; correct them there."
        )
    return found
