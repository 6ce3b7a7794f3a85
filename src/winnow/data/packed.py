"""Packed sets: a training or validation set as one table, a row per file that a folder would hold.

Columns: `name` (file name without `.jpg`, unique), `image_id` (the source), `technique` ("" for originals), `label`
int64 in [0, K), `image_bytes` (an encoded image). Rows are sorted by `name`.
"""

import numpy as np
import pandas as pd

from winnow.errors import WinnowError

COLUMNS = ["name", "image_id", "technique", "label", "image_bytes"]


def copy_name(image_id: np.ndarray, technique: np.ndarray) -> np.ndarray:
    """(N,) names of copies, `<image_id>_<technique>`: hyphens within the technique, since the course's names part the
    technique from the rest at the last underscore."""
    pairs = zip(image_id.tolist(), technique.tolist(), strict=True)
    return np.array([f"{source}_{name.replace('_', '-')}" for source, name in pairs], dtype=str)


def pack_originals(image_id: np.ndarray, labels: np.ndarray, image_bytes: np.ndarray) -> pd.DataFrame:
    """Pack images as they came, bit for bit.

    Args:
        image_id: (N,) unique strings, which become the names.
        labels: (N,) integers in [0, K).
        image_bytes: (N,) bytes objects.

    Returns:
        N rows of a packed set, sorted by name.

    Raises:
        WinnowError: if the result is no valid packed set.
    """
    lengths = (len(image_id), len(labels), len(image_bytes))
    if len(set(lengths)) != 1:
        raise ValueError(f"image_id, labels and image_bytes differ in length: {lengths}")
    return join_packed(
        pd.DataFrame(
            {
                "name": np.asarray(image_id),
                "image_id": np.asarray(image_id),
                "technique": "",
                "label": np.asarray(labels, dtype=np.int64),
                "image_bytes": np.asarray(image_bytes, dtype=object),
            }
        ).astype({"technique": "str"})
    )


def join_packed(*parts: pd.DataFrame) -> pd.DataFrame:
    """Join the rows of packed sets into one, sorted by name; raises WinnowError if that is no valid packed set."""
    joined = pd.concat([part[COLUMNS] for part in parts], ignore_index=True)
    joined = joined.sort_values("name", kind="stable", ignore_index=True)
    check_packed(joined, what="the packed set")
    return joined


def check_packed(packed: pd.DataFrame, *, what: str, class_count: int | None = None) -> None:
    """Check that a table is a packed set.

    Args:
        packed: the table.
        what: what it is called in an error, for example its file.
        class_count: K, where labels are to be checked against it.

    Raises:
        WinnowError: if a column is missing, a name is repeated, out of order or does not follow from its source and
            technique, a label lies outside [0, K), or an image has no bytes.
    """
    mend = "run 'dvc repro' to build it again."
    missing = [column for column in COLUMNS if column not in packed.columns]
    if missing:
        raise WinnowError(f"{what} lacks the column {missing[0]!r} of a packed set; {mend}")
    name, source, technique = (packed[column].astype(str) for column in ("name", "image_id", "technique"))
    if not name.is_unique:
        raise WinnowError(f"{what} holds the name {name[name.duplicated()].iloc[0]!r} twice; {mend}")
    if not name.is_monotonic_increasing:
        raise WinnowError(f"{what} is not sorted by name; {mend}")

    plain = source.where(technique == "", pd.Series(copy_name(source.to_numpy(), technique.to_numpy()), source.index))
    # Repeated techniques are numbered: img_1_crop-2 follows from img_1 and crop.
    follows = (name == plain) | ((technique != "") & (name.str.replace(r"-\d+$", "", regex=True) == plain))
    if not follows.all():
        row = int(np.flatnonzero(~follows)[0])
        raise WinnowError(
            f"{what} holds the name {name.iloc[row]!r}, which does not follow from its source {source.iloc[row]!r} "
            f"and technique {technique.iloc[row]!r}; {mend}"
        )

    labels = packed["label"].to_numpy()
    outside = (labels < 0) | (labels >= (np.iinfo(np.int64).max if class_count is None else class_count))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        allowed = "0 or more" if class_count is None else f"0 to {class_count - 1}"
        raise WinnowError(f"{what} gives {name.iloc[row]!r} the label {labels[row]}; labels are {allowed}; {mend}")
    empty = packed["image_bytes"].map(len).to_numpy() == 0
    if empty.any():
        raise WinnowError(f"{what} holds no bytes for {name.iloc[int(np.flatnonzero(empty)[0])]!r}; {mend}")
