"""A workspace: the folder in which one pipeline runs, and the files of `winnow.files` in it.

Stages read and write through it, so that no script knows a path, and the same library serves a second dataset, a
second test set or a second round.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow import tables
from winnow.files import FILES
from winnow.row_groups import StoredColumn, write_parquet_parts
from winnow.schema import Arrays, Table


@dataclass(frozen=True)
class Workspace:
    """The files of one pipeline.

    Attributes:
        root: its folder; the working directory by default, where DVC runs a stage.
    """

    root: Path = Path()

    def path(self, name: str, **parts: str) -> Path:
        """Where a file of `winnow.files.FILES` lies; `parts` fill in the braces of its path."""
        return self.root / FILES[name].path.format(**parts)

    def scratch(self, *parts: str) -> Path:
        """A folder for what a stage keeps over a kill; neither git nor DVC sees it."""
        return self.root.joinpath(".winnow/scratch", *parts)

    def remove_scratch(self, *parts: str) -> None:
        """Remove that folder, if there is one: the stage is done."""
        shutil.rmtree(self.scratch(*parts), ignore_errors=True)

    def table(
        self, name: str, columns: list[str] | None = None, *, of: np.ndarray | None = None, **parts: str
    ) -> pd.DataFrame:
        """Read a table.

        Args:
            name: a Parquet or CSV file of `FILES`.
            columns: the columns to read; all without it.
            of: (N,) unique ids; the rows are those of these images, in this order. All rows in their order without it.
            parts: what the braces of the path stand for.

        Raises:
            WinnowError: if the file is missing or broken, or lacks one of the images.
        """
        path = self.path(name, **parts)
        if of is not None and columns is not None and "image_id" not in columns:
            columns = ["image_id", *columns]
        if path.suffix == ".csv":
            frame = tables.read_csv(path, columns, text=lambda column: _is_text(name, column), guarded=True)
        else:
            frame = tables.read_parquet(path, columns)
        if of is None:
            return frame
        rows = tables.align(of, frame["image_id"].to_numpy(), path.as_posix())
        return frame.iloc[rows].reset_index(drop=True)

    def column(self, name: str, column: str, *, of: np.ndarray | None = None, **parts: str) -> StoredColumn:
        """Open a column of a Parquet file that is too large to hold; its values are read when rows are asked for.

        Args:
            name: a Parquet file of `FILES`.
            column: the column's name.
            of: (N,) unique ids; the rows are those of these images, in this order. All rows in their order without it.
            parts: what the braces of the path stand for.

        Raises:
            WinnowError: if the file is missing or broken, or lacks one of the images.
        """
        path = self.path(name, **parts)
        rows = None
        if of is not None:
            rows = tables.align(of, tables.read_parquet(path, ["image_id"])["image_id"].to_numpy(), path.as_posix())
        return StoredColumn(path, column, rows=rows)

    def arrays(
        self, name: str, arrays: list[str] | None = None, *, of: np.ndarray | None = None, **parts: str
    ) -> dict[str, np.ndarray]:
        """Read the arrays of an .npz file.

        Args:
            name: an .npz file of `FILES`.
            arrays: the arrays to read; all without it.
            of: (N,) unique ids; the arrays with a row per image have those of these images, in this order.
            parts: what the braces of the path stand for.

        Raises:
            WinnowError: if the file is missing, or lacks one of the images.
        """
        path = self.path(name, **parts)
        schema = FILES[name].schema
        if of is None or not isinstance(schema, Arrays):
            return tables.read_arrays(path, arrays)
        found = tables.read_arrays(path, arrays and ["image_id", *arrays])
        rows = tables.align(of, found["image_id"], path.as_posix())
        by_image = {array.name for array in schema.arrays if array.shape.startswith("N")}
        return {key: array[rows] if key in by_image else array for key, array in found.items()}

    def json(self, name: str, **parts: str) -> Any:
        """Read a JSON file; raises WinnowError if it is missing."""
        return tables.read_json(self.path(name, **parts))

    @property
    def class_names(self) -> list[str]:
        """The K class names, in label order."""
        return [str(name) for name in self.json("classes")]

    def write(self, name: str, content: Any, **parts: str) -> Path:
        """Check a file's content against its schema and write it.

        Args:
            name: a file of `FILES`.
            content: a frame for Parquet and CSV, a mapping of arrays for .npz, anything that JSON holds for JSON.
            parts: what the braces of the path stand for.

        Returns:
            The path written.

        Raises:
            WinnowError: if the content does not fit the schema, or the file cannot be written.
        """
        path, schema = self.path(name, **parts), FILES[name].schema
        if schema is not None:
            schema.check(content, path.as_posix())
        match path.suffix:
            case ".parquet":
                tables.write_parquet(content, path)
            case ".csv":
                tables.write_csv(content, path, guarded=True)
            case ".npz":
                tables.write_arrays(path, **content)
            case ".json":
                tables.write_json(path, content)
            case _:
                raise ValueError(f"{name} is no file that a workspace writes")
        return path

    def write_each(self, name: str, part: str, contents: Mapping[str, Any]) -> None:
        """Write files that differ in one brace of their path, as `write_each("curve", "arm", {"baseline": ...})`."""
        for value, content in contents.items():
            self.write(name, content, **{part: value})

    def write_all(self, files: Iterable[tuple[str, Mapping[str, str], Any]]) -> None:
        """Write several files, each a name, what the braces of its path stand for, and its content."""
        for name, parts, content in files:
            self.write(name, content, **parts)

    def write_stream(self, name: str, frames: Iterable[pd.DataFrame], **parts: str) -> Path:
        """Write a table that is too large to hold from its pieces: the same bytes as `write` makes of the whole.

        Args:
            name: a Parquet file of `FILES`.
            frames: the pieces in order, of any number of rows; at least one.
            parts: what the braces of the path stand for.

        Returns:
            The path written.

        Raises:
            WinnowError: if a piece does not fit the schema, or the file cannot be written.
        """
        path, schema = self.path(name, **parts), FILES[name].schema
        checked = schema.checked(frames, path.as_posix()) if isinstance(schema, Table) else frames
        write_parquet_parts(checked, path)
        return path


def _is_text(name: str, column: str) -> bool:
    schema = FILES[name].schema
    found = schema.column(column) if isinstance(schema, Table) else None
    return found is None or found.dtype == "str"
