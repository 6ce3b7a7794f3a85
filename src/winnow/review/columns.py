"""Columns of a user's own, by which the app filters, sorts and colours."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.curation.review_csv import read_sheet
from winnow.errors import WinnowError

MOST_VALUES = 100  # of a column of words; with more it is no filter


@dataclass(frozen=True)
class OwnColumns:
    """Columns of N images.

    Attributes:
        numbers: by name, (N,) float32, NaN where an image has none.
        words: by name, (N,) int16 positions among `values`, -1 where an image has none.
        values: by name, the words of a column, sorted.
        warnings: a sentence on each thing that was left out.
    """

    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    words: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_columns(path: Path, image_id: np.ndarray) -> OwnColumns:
    """Read a CSV of `image_id` and anything.

    Args:
        path: in UTF-8, with commas, semicolons or tabs. A column of numbers alone is one of numbers, any other one of
            words.
        image_id: (N,) ids of the dataset, in the order wanted.

    Raises:
        WinnowError: if it is missing or no such CSV, names an image twice, or none of the dataset.
    """
    if not path.is_file():
        raise WinnowError(f"{path} is missing; name a CSV with the column image_id and your own.")
    sheet = read_sheet(path, ["image_id"])
    frame = pd.DataFrame(list(sheet.rows), columns=list(sheet.header), dtype=str).set_index("image_id")
    if frame.index.has_duplicates:
        twice = frame.index[frame.index.duplicated()][0]
        raise WinnowError(f"{path} names the image {twice!r} twice; leave one row of it.")
    known = frame.index.isin(image_id)
    if not known.any():
        raise WinnowError(f"{path} names no image of this dataset; its column image_id has to hold their ids.")
    warnings = []
    if not known.all():
        warnings.append(f"{(~known).sum():,} of {len(frame):,} rows of {path} name no image of this dataset.")
    cells = frame.reindex(image_id).fillna("")
    numbers, words, values = {}, {}, {}
    for name in filter(None, cells.columns):
        column = cells[name]
        there = (column != "").to_numpy()
        parsed = pd.to_numeric(column.where(there), errors="coerce").to_numpy(np.float64)
        if there.any() and np.isfinite(parsed[there]).all():
            numbers[name] = parsed.astype(np.float32)
            continue
        found = sorted(set(column[there]))
        if not found or len(found) > MOST_VALUES:
            kind = f"{len(found):,} different values, more than {MOST_VALUES}" if found else "no value"
            warnings.append(f"the column {name!r} of {path} has {kind}, and is left out.")
            continue
        words[name] = pd.Categorical(column.where(there), categories=found).codes.astype(np.int16)
        values[name] = found
    return OwnColumns(numbers, words, values, tuple(warnings))
