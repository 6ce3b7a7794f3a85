"""Packed sets: a training or validation set as one table, a row per file that a folder would hold.

Columns: `name` (file name without `.jpg`, unique), `image_id` (the source), `technique` ("" for originals), `label`
int64 in [0, K), `image_bytes` (an encoded image). Rows are sorted by `name`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.errors import WinnowError
from winnow.row_groups import Joined, Values
from winnow.tables import ROW_GROUP

COLUMNS = ["name", "image_id", "technique", "label", "image_bytes"]
_REBUILD = "run 'dvc repro' to build it again."


@dataclass(frozen=True)
class PackedSet:
    """A packed set whose images stay where they are until they are written.

    Attributes:
        rows: all columns but `image_bytes`, sorted by `name`.
        image_bytes: (N,) encoded images in the same order, in memory or in a file.

    Raises:
        WinnowError: if the rows are no packed set's.
    """

    rows: pd.DataFrame
    image_bytes: Values

    def __post_init__(self) -> None:
        check_rows(self.rows, what="the packed set")

    def __len__(self) -> int:
        return len(self.rows)

    def frame(self) -> pd.DataFrame:
        """The whole table; raises WinnowError if an image has no bytes."""
        return self._part(slice(None))

    def frames(self) -> Iterator[pd.DataFrame]:
        """The table in pieces, an empty one if there are no images; raises as `frame` does."""
        for start in range(0, max(len(self), 1), ROW_GROUP):
            yield self._part(slice(start, start + ROW_GROUP))

    def _part(self, rows: slice) -> pd.DataFrame:
        part = self.rows.iloc[rows]
        part = part.assign(image_bytes=pd.Series(self.image_bytes[rows], index=part.index, dtype=object))
        check_images(part, what="the packed set")
        return part


def copy_name(image_id: np.ndarray, technique: np.ndarray) -> np.ndarray:
    """(N,) names of copies, `<image_id>_<technique>`: hyphens within the technique, since the course's names part the
    technique from the rest at the last underscore."""
    pairs = zip(image_id.tolist(), technique.tolist(), strict=True)
    return np.array([f"{source}_{name.replace('_', '-')}" for source, name in pairs], dtype=str)


def pack_originals(image_id: np.ndarray, labels: np.ndarray, image_bytes: Values) -> PackedSet:
    """Pack images as they came, bit for bit.

    Args:
        image_id: (N,) unique strings, which become the names.
        labels: (N,) integers in [0, K).
        image_bytes: (N,) encoded images.

    Raises:
        WinnowError: if the result is no valid packed set.
    """
    lengths = (len(image_id), len(labels), len(image_bytes))
    if len(set(lengths)) != 1:
        raise ValueError(f"image_id, labels and image_bytes differ in length: {lengths}")
    names = np.asarray(image_id)
    rows = {"name": names, "image_id": names, "technique": "", "label": np.asarray(labels, dtype=np.int64)}
    return _sorted(pd.DataFrame(rows, columns=COLUMNS[:-1]).astype({"technique": "str"}), image_bytes)


def packed_set(frame: pd.DataFrame) -> PackedSet:
    """A packed set from a frame of all its columns, in any order; raises WinnowError if that is none."""
    return _sorted(frame[COLUMNS[:-1]], frame["image_bytes"].to_numpy())


def join_packed(*parts: PackedSet) -> PackedSet:
    """Join packed sets into one; raises WinnowError if two of them share a name."""
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    return _sorted(rows, Joined(*(part.image_bytes for part in parts)))


def _sorted(rows: pd.DataFrame, image_bytes: Values) -> PackedSet:
    rows = rows.reset_index(drop=True).sort_values("name", kind="stable")
    return PackedSet(rows.reset_index(drop=True), image_bytes.take(rows.index.to_numpy()))


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
    check_rows(packed, what=what, class_count=class_count, columns=COLUMNS)
    check_images(packed, what=what)


def check_rows(
    packed: pd.DataFrame, *, what: str, class_count: int | None = None, columns: list[str] = COLUMNS[:-1]
) -> None:
    """`check_packed` of all columns but `image_bytes`."""
    missing = [column for column in columns if column not in packed.columns]
    if missing:
        raise WinnowError(f"{what} lacks the column {missing[0]!r} of a packed set; {_REBUILD}")
    name, source, technique = (packed[column].astype(str) for column in ("name", "image_id", "technique"))
    if not name.is_unique:
        raise WinnowError(f"{what} holds the name {name[name.duplicated()].iloc[0]!r} twice; {_REBUILD}")
    if not name.is_monotonic_increasing:
        raise WinnowError(f"{what} is not sorted by name; {_REBUILD}")

    plain = source.where(technique == "", pd.Series(copy_name(source.to_numpy(), technique.to_numpy()), source.index))
    # Repeated techniques are numbered: img_1_crop-2 follows from img_1 and crop.
    follows = (name == plain) | ((technique != "") & (name.str.replace(r"-\d+$", "", regex=True) == plain))
    if not follows.all():
        row = int(np.flatnonzero(~follows)[0])
        raise WinnowError(
            f"{what} holds the name {name.iloc[row]!r}, which does not follow from its source {source.iloc[row]!r} "
            f"and technique {technique.iloc[row]!r}; {_REBUILD}"
        )

    labels = packed["label"].to_numpy()
    outside = (labels < 0) | (labels >= (np.iinfo(np.int64).max if class_count is None else class_count))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        allowed = "0 or more" if class_count is None else f"0 to {class_count - 1}"
        raise WinnowError(f"{what} gives {name.iloc[row]!r} the label {labels[row]}; labels are {allowed}; {_REBUILD}")


def check_images(packed: pd.DataFrame, *, what: str) -> None:
    """Raise a WinnowError if an image of a packed set has no bytes."""
    empty = packed["image_bytes"].map(len).to_numpy() == 0
    if empty.any():
        name = str(packed["name"].iloc[int(np.flatnonzero(empty)[0])])
        raise WinnowError(f"{what} holds no bytes for {name!r}; {_REBUILD}")
