"""What a file between stages holds: its columns or arrays, checked when it is written.

A missing or foreign column is one sentence at the writer, not a KeyError three stages later.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from winnow.errors import WinnowError

INFINITY = float("inf")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: the column's name; `<word>` in it stands for any text, for columns of which there are none or more.
        dtype: `str`, `bytes`, `bool`, `int64`, `float32`, `float64`, or `number` for any of the last three.
        meaning: what it says, with its unit and direction.
        low, high: the range of its numbers, both ends included; NaN passes in floats.
        optional: whether a table may lack it.
    """

    name: str
    dtype: str
    meaning: str
    low: float = -INFINITY
    high: float = INFINITY
    optional: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What names it stands for; None where it is one name."""
        parts = re.split(r"(<[^>]+>)", self.name)
        if len(parts) == 1:
            return None
        return re.compile("".join(".+" if part.startswith("<") else re.escape(part) for part in parts))

    def fits(self, name: str) -> bool:
        """Whether it is a pattern that stands for this name."""
        return self.pattern is not None and self.pattern.fullmatch(name) is not None

    def problem(self, values: pd.Series) -> str | None:
        """What is wrong with the values, in words; None if nothing is."""
        if not _has_dtype(values, self.dtype):
            return f"is {values.dtype}, not {self.dtype}"
        if self.low > -INFINITY or self.high < INFINITY:
            outside = (values < self.low) | (values > self.high)
            if outside.any():
                return f"holds {values[outside].iloc[0]}, outside {self.low:g} to {self.high:g}"
        return None


@dataclass(frozen=True)
class Table:
    """The schema of a table: its columns in any order, and the column that it is sorted by and unique in."""

    columns: tuple[Column, ...]
    key: str | None = "image_id"

    def column(self, name: str) -> Column | None:
        """The column of that name, else the longest pattern that it fits; None if it is foreign."""
        exact = [column for column in self.columns if column.name == name]
        fitting = sorted((column for column in self.columns if column.fits(name)), key=lambda column: -len(column.name))
        return next(iter(exact + fitting), None)

    def no_rows(self) -> pd.DataFrame:
        """A table without rows, of all columns that have one name."""
        columns = [column for column in self.columns if column.pattern is None and not column.optional]
        dtypes = {column.name: "object" if column.dtype == "str" else column.dtype for column in columns}
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})

    def check(self, frame: pd.DataFrame, what: str) -> None:
        """Check a table before it is written.

        Args:
            frame: the table.
            what: its file, for the error.

        Raises:
            WinnowError: if a column is missing, foreign, of another type or out of its range, or the rows are not
                sorted by the key and unique in it.
        """
        required = [column.name for column in self.columns if column.pattern is None and not column.optional]
        if missing := [name for name in required if name not in frame]:
            raise WinnowError(f"{what} would lack the column {missing[0]!r}; let its stage write it.")
        for name in frame.columns:
            column = self.column(name)
            if column is None:
                raise WinnowError(f"{what} would have a column {name!r}, which its schema does not list.")
            if problem := column.problem(frame[name]):
                raise WinnowError(f"{what}: the column {name!r} {problem}.")
        if self.key is not None:
            key = frame[self.key]
            if not (key.is_monotonic_increasing and key.is_unique):
                raise WinnowError(_unsorted(what, self.key))

    def checked(self, frames: Iterable[pd.DataFrame], what: str) -> Iterator[pd.DataFrame]:
        """The pieces of a table, each checked when its turn comes to be written; raises as `check` does."""
        last = None
        for frame in frames:
            self.check(frame, what)
            if self.key is not None and len(frame):
                if last is not None and frame[self.key].iloc[0] <= last:
                    raise WinnowError(_unsorted(what, self.key))
                last = frame[self.key].iloc[-1]
            yield frame


@dataclass(frozen=True)
class Array:
    """An array of an .npz file.

    Attributes:
        name: its name.
        dtype: `str` or a numpy name.
        shape: one letter per dimension (N images, D features, K classes); a letter is one size throughout the file.
        meaning: what it says.
        low, high: the range of its numbers, both ends included.
        optional: whether a file may lack it.
    """

    name: str
    dtype: str
    shape: str
    meaning: str
    low: float = -INFINITY
    high: float = INFINITY
    optional: bool = False


@dataclass(frozen=True)
class Arrays:
    """The schema of an .npz file."""

    arrays: tuple[Array, ...]

    def check(self, content: Mapping[str, Any], what: str) -> None:
        """Check arrays before they are written.

        Args:
            content: name and array.
            what: their file, for the error.

        Raises:
            WinnowError: if an array is missing, foreign, of another type or shape or out of its range, or `image_id`
                is not sorted and unique.
        """
        by_name = {array.name: array for array in self.arrays}
        if missing := [name for name, array in by_name.items() if not array.optional and name not in content]:
            raise WinnowError(f"{what} would lack the array {missing[0]!r}; let its stage write it.")
        sizes: dict[str, int] = {}
        for name, given in content.items():
            if name not in by_name:
                raise WinnowError(f"{what} would have an array {name!r}, which its schema does not list.")
            array, values = by_name[name], np.asarray(given)
            if (values.dtype.kind != "U") if array.dtype == "str" else (values.dtype != np.dtype(array.dtype)):
                raise WinnowError(f"{what}: the array {name!r} is {values.dtype}, not {array.dtype}.")
            if values.ndim != len(array.shape) or any(
                sizes.setdefault(letter, size) != size for letter, size in zip(array.shape, values.shape, strict=True)
            ):
                expected = ", ".join(str(sizes.get(letter, letter)) for letter in array.shape)
                raise WinnowError(f"{what}: the array {name!r} has the shape {values.shape}, not ({expected}).")
            if (array.low > -INFINITY or array.high < INFINITY) and values.size:
                low, high = np.nanmin(values), np.nanmax(values)
                if low < array.low or high > array.high:
                    raise WinnowError(
                        f"{what}: the array {name!r} reaches from {low:g} to {high:g}, outside {array.low:g} to "
                        f"{array.high:g}."
                    )
        ids = np.asarray(content["image_id"]) if "image_id" in content else np.zeros(0, str)
        if (ids[1:] <= ids[:-1]).any():
            raise WinnowError(_unsorted(what, "image_id"))


def _unsorted(what: str, key: str) -> str:
    return f"{what} is not sorted by {key!r}, or holds one twice."


def _has_dtype(values: pd.Series, dtype: str) -> bool:
    if dtype == "str":
        return bool(pd.api.types.is_string_dtype(values)) or len(values) == 0
    if dtype == "bytes":
        return bool(values.map(lambda value: isinstance(value, bytes)).all())
    if dtype == "number":
        return len(values) == 0 or bool(pd.api.types.is_numeric_dtype(values))
    return values.dtype == np.dtype(dtype)
