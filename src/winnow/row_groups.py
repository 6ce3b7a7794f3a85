"""Parquet files too large to hold: a column read, and a table written, a row group at a time."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from winnow import tables

# Of images at their own size, thousands would be too much to hold; of small ones a row group has far less.
_GROUP_BYTES = 2**26
_AT_ONCE = 64  # values put through a function
# Two, since what compares images of one file with one another needs them from two places.
_GROUPS_HELD = 2


class StoredColumn:
    """A column of a Parquet file that reads like an array, from the file, whenever rows are asked for.

    The last two row groups stay in memory; rows in the file's order cost one reading of the file.
    """

    def __init__(self, path: str | Path, column: str, *, rows: np.ndarray | None = None) -> None:
        """Open the file.

        Args:
            path: written by `tables.write_parquet` or `write_parquet_parts`.
            column: the column's name.
            rows: (N,) int rows of the file in the order wanted; None for all of them as they lie.

        Raises:
            WinnowError: if the file is missing or no Parquet file.
        """
        with tables.parquet_errors(path):
            self._file = pq.ParquetFile(path)
        metadata = self._file.metadata
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._column = column
        self._rows = np.arange(metadata.num_rows) if rows is None else np.asarray(rows, dtype=np.int64)
        self._held: OrderedDict[int, pa.ChunkedArray] = OrderedDict()

    dtype = np.dtype(object)

    @property
    def shape(self) -> tuple[int]:
        """(N,)."""
        return (len(self),)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """(M,) object array of the values at these positions, a slice or (M,) int."""
        wanted = self._rows[rows]
        groups = np.searchsorted(self._starts, wanted, side="right") - 1
        values = np.empty(len(wanted), dtype=object)
        for group in np.unique(groups):
            stored = self._group(int(group))
            for position in np.flatnonzero(groups == group):
                values[position] = stored[int(wanted[position] - self._starts[group])].as_py()
        return values

    def take(self, rows: np.ndarray) -> "StoredColumn":
        """The column of these positions alone, (M,) int, still in the file."""
        taken = copy(self)
        taken._rows = self._rows[rows]
        return taken

    def _group(self, group: int) -> pa.ChunkedArray:
        if group in self._held:
            self._held.move_to_end(group)
            return self._held[group]
        while len(self._held) >= _GROUPS_HELD:
            self._held.popitem(last=False)  # before the next one is read
        self._held[group] = self._file.read_row_group(group, columns=[self._column]).column(0)
        return self._held[group]


class Joined:
    """(N, ...) arrays, or what reads like them, one after the other without a copy of them all."""

    def __init__(self, *parts: Any) -> None:
        """Args: (N_i, ...) parts of one type, each with a `shape` and read by a slice or by (M,) int positions."""
        self._parts = parts
        self._starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        self._rows = np.arange(self._starts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...), that of the parts but for N."""
        longest = max(self._parts, key=len)  # an empty one may not know its images' size
        return (len(self), *longest.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """That of the parts."""
        dtype: np.dtype = self._parts[0].dtype
        return dtype

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: np.ndarray) -> "Joined":
        """Those at these positions alone, (M,) int, still where they are."""
        taken = copy(self)
        taken._rows = self._rows[rows]
        return taken

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """(M, ...) array of the values at these positions, a slice or (M,) int."""
        wanted = self._rows[rows]
        owner = np.searchsorted(self._starts, wanted, side="right") - 1
        pieces = {index: self._parts[index][wanted[owner == index] - self._starts[index]] for index in np.unique(owner)}
        if len(pieces) == 1:
            return next(iter(pieces.values()))
        values = np.empty((len(wanted), *self.shape[1:]), dtype=self.dtype)
        for index, piece in pieces.items():
            values[owner == index] = piece
        return values


class Mapped:
    """(N,) values, each put through a function when rows are asked for."""

    def __init__(self, values: "Values", function: Callable[[np.ndarray], np.ndarray]) -> None:
        """Args: (N,) values, and what makes (M,) others of any (M,) of them."""
        self._values, self._function = values, function

    dtype = np.dtype(object)

    @property
    def shape(self) -> tuple[int]:
        """(N,)."""
        return (len(self),)

    def __len__(self) -> int:
        return len(self._values)

    def take(self, rows: np.ndarray) -> "Mapped":
        """Those at these positions alone, (M,) int."""
        return Mapped(self._values.take(rows), self._function)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """(M,) object array of the values at these positions, a slice or (M,) int."""
        wanted = np.arange(len(self))[rows]
        values = np.empty(len(wanted), dtype=object)
        for start in range(0, len(wanted), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            values[part] = self._function(self._values[wanted[part]])
        return values


Values: TypeAlias = np.ndarray | StoredColumn | Joined | Mapped
"""(N,) values of a column, in memory or read when rows are asked for."""


def write_parquet_parts(parts: Iterable[pd.DataFrame], path: str | Path) -> None:
    """Write what `tables.write_parquet` writes of all parts joined, byte for byte, and hold one row group of it.

    Args:
        parts: frames of the same columns, of any number of rows; at least one.
        path: the file, replaced once it is complete.

    Raises:
        ValueError: if there are no parts, or a column's type changes between them.
    """
    groups = _row_groups(parts)
    with tables.replacing(path) as temporary:
        first = next(groups, None)
        if first is None:
            raise ValueError("there are no parts to write")
        with pq.ParquetWriter(temporary, first.schema, compression=tables.COMPRESSION) as writer:
            for group in chain([first], groups):
                writer.write_table(group, row_group_size=tables.ROW_GROUP)


def _row_groups(parts: Iterable[pd.DataFrame]) -> Iterator[pa.Table]:
    """The parts' rows in tables of `tables.ROW_GROUP`, or of fewer that have `_GROUP_BYTES`, the last one smaller; one
    empty table if there are no rows."""
    waiting: pa.Table | None = None
    written = False
    for part in parts:
        table = tables.as_arrow(part)
        if waiting is not None and (waiting.num_rows or written):
            table = pa.concat_tables([waiting, table.cast(waiting.schema)])
        waiting = table  # the types of an empty first part are not known
        while waiting.num_rows >= tables.ROW_GROUP or waiting.nbytes >= _GROUP_BYTES:
            yield waiting.slice(0, tables.ROW_GROUP).combine_chunks()
            waiting, written = waiting.slice(tables.ROW_GROUP), True
    if waiting is not None and (waiting.num_rows or not written):
        yield waiting.combine_chunks()
