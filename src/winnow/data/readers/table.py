"""A table of images, with labels or without (CSV, TSV, JSONL, Parquet), read like an archive of what it names.

What the table says is among the names as one file of its own, in one form whatever the table's: `TABLE`. The layout
`table` makes entries of it, and `paths` where there are no labels.
"""

import json
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.data.readers.damage import shape_reported
from winnow.data.readers.names import Names
from winnow.errors import WinnowError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
TABLE = "table-of-labels.json"
FILE_COLUMNS = (
    *("file", "file_name", "filename", "path", "file_path", "filepath", "image_path", "image", "img", "image_file"),
    *("image_name", "image_id", "id", "name", "uri", "url"),
)
LABEL_COLUMNS = (
    *(
        "label",
        "labels",
        "class",
        "class_name",
        "classname",
        "category",
        "target",
        "label_name",
        "y",
        "species",
        "breed",
    ),
    *("diagnosis",),
)
_SUFFIX_OF = {b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}


def is_table(path: Path) -> bool:
    """Whether a file is one by its name."""
    return path.suffix.lower() in SUFFIXES


class TableReader:
    """Reads a table: of paths, relative to its own folder or absolute, or of ids that files below it have; or, in
    Parquet, of images themselves, as `datasets` of Hugging Face stores them."""

    def __init__(self, path: Path, max_unpacked_bytes: float) -> None:
        self.label = str(path)
        self.left_out: Mapping[str, str] = {}
        frame, class_names = _read(path)
        if frame.empty:
            raise WinnowError(f"{path} has no rows; give each image a row.")
        file_column = _file_column(path, frame)
        self._names = Names[Path | bytes](self.label, max_unpacked_bytes)
        stored = isinstance(_first(frame[file_column]), dict)
        with shape_reported(str(path), "a table of images and labels"):
            label_column, values, class_names = _labels(path, frame, file_column, class_names, stored=stored)
            images = _stored(frame[file_column]) if stored else _placed(path, frame[file_column].astype(str))
            found = list(images)
        rows = []
        for (given, name, content), label in zip(found, values, strict=True):
            rows.append([given, name, label])
            if content is not None and name not in self._names.of:
                self._names.add(name, len(content) if isinstance(content, bytes) else content.stat().st_size, content)
        kept = "images" if stored else "paths"
        labels = f"labels in {label_column}" if label_column else "no labels"
        form = f"table, {kept} in the column {file_column!r}, {labels}"
        facts = {"form": form, "labelled": bool(label_column), "class_names": class_names, "rows": rows}
        self._content = json.dumps(facts).encode()
        self._names.add(TABLE, len(self._content), self._content)

    def names(self) -> list[str]:
        return sorted(self._names.of)

    def size(self, name: str) -> int:
        return self._names.sizes[name]

    def empty_folders(self) -> list[str]:
        return []

    def read(self, name: str) -> bytes:
        entry = self._names.to_read(name)
        if isinstance(entry, bytes):
            return entry
        try:
            return entry.read_bytes()
        except OSError as error:
            raise WinnowError(f"{entry} cannot be read ({error.strerror}); fix or remove its row.") from None

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((name, self.read(name)) for name in names)


def _read(path: Path) -> tuple[pd.DataFrame, list[str] | None]:
    """The table, text as it stands, and the names of its integer labels where Parquet has them as Hugging Face does."""
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            table = pq.read_table(path)
            return table.to_pandas(), _class_label(table.schema)
        if kind in (".jsonl", ".ndjson"):
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
            if not all(isinstance(row, dict) for row in rows):
                raise ValueError("a line is no object {...}")
            return pd.DataFrame(rows), None
        return pd.read_csv(
            path, sep=_separator(path), dtype=str, keep_default_na=False, engine="python", encoding="utf-8-sig"
        ), None
    # pandas' and json's errors are ValueErrors
    except (ValueError, AttributeError, RecursionError, pa.ArrowException, OSError) as error:
        cause = str(error).partition("\n")[0].rstrip(".")
        raise WinnowError(f"{path} cannot be read as a table ({cause}); save it as CSV in UTF-8, or Parquet.") from None


def _separator(path: Path) -> str:
    """What stands between the columns, by the first line; a comma where there is but one column."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline()
    return max((",", ";", "\t", "|"), key=first.count)


def _class_label(schema: pa.Schema) -> list[str] | None:
    note = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = note.get("info", {}).get("features", {})
    names = [feature["names"] for feature in features.values() if feature.get("_type") == "ClassLabel"]
    return [str(name) for name in names[0]] if names else None


def _file_column(path: Path, frame: pd.DataFrame) -> str:
    columns = [str(column) for column in frame.columns]
    stored = [column for column in columns if isinstance(cell := _first(frame[column]), dict) and "bytes" in cell]
    named = [column for wanted in FILE_COLUMNS for column in columns if column.lower() == wanted]
    if not (stored or named):
        raise WinnowError(
            f"{path} has the columns {', '.join(columns)}, and none is called {', '.join(FILE_COLUMNS[:4])} or the "
            "like; rename the one with the images' paths to 'file'."
        )
    return (stored or named)[0]


def _first(column: pd.Series) -> Any:
    """The first cell that holds anything; None if none does."""
    return next((cell for cell in column if cell is not None and cell == cell), None)


def _labels(
    path: Path, frame: pd.DataFrame, file_column: str, class_names: list[str] | None, *, stored: bool
) -> tuple[str, list[str | None], list[str] | None]:
    """In words where the labels are ("" if nowhere), the label of each row (None if it has none), and the classes in
    order if known."""
    columns = [str(column) for column in frame.columns if column != file_column]
    if not columns or (stored and all(column.lower() in FILE_COLUMNS for column in columns)):
        return "", [None] * len(frame), None
    named = [column for wanted in LABEL_COLUMNS for column in columns if column.lower() == wanted]
    column = named[0] if named else columns[0] if len(columns) == 1 else None
    if column is None:
        numbers = frame[columns].apply(pd.to_numeric, errors="coerce")
        if len(columns) > 1 and numbers.isin([0, 1]).all(axis=None):
            positions, single = numbers.to_numpy().argmax(axis=1), (numbers.sum(axis=1) == 1).tolist()
            values = [columns[at] if one else None for at, one in zip(positions, single, strict=True)]
            return f"one column per class ({len(columns)})", values, columns
        raise WinnowError(
            f"{path} has the columns {', '.join(columns)} beside {file_column!r}, and none is called label, class "
            f"or the like; rename the one with the labels to 'label', or leave {file_column!r} alone if there are none."
        )
    if class_names is None and (widths := {len(v) for v in frame[column] if _is_list(v)}):
        class_names = [str(label) for label in range(max(widths))]
    return repr(column), [_label(value, class_names) for value in frame[column]], class_names


def _label(value: Any, class_names: Sequence[str] | None) -> str | None:
    if _is_list(value):
        ones = [at for at, item in enumerate(value) if item == 1]
        return class_names[ones[0]] if class_names and len(ones) == 1 and sum(value) == 1 else None
    if value is None or value != value or str(value).strip() == "":
        return None
    if class_names is not None and str(value).lstrip("-").isdigit():
        return class_names[int(value)] if 0 <= int(value) < len(class_names) else None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _is_list(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__")


def _stored(column: pd.Series) -> Iterator[tuple[str, str, bytes | None]]:
    """As given, name and content of each image in a column of structs; a name that is not told is the row's number."""
    seen: set[str] = set()
    for row, cell in enumerate(column):
        cell = cell if isinstance(cell, dict) else {}
        content = cell.get("bytes")
        given = posixpath.basename(cell.get("path") or "")
        if content is None:
            yield given or f"row {row}", "", None
            continue
        name = given or f"{row:08d}{next((s for start, s in _SUFFIX_OF.items() if content.startswith(start)), '.jpg')}"
        name = name if name not in seen else f"{row:08d}-{name}"
        seen.add(name)
        yield name, name, content


def _placed(table: Path, column: pd.Series) -> Iterator[tuple[str, str, Path | None]]:
    """As given, name and path of each file in a column of paths or ids; "" and None where there is no such file."""
    folder = table.resolve().parent
    below: dict[str, list[Path]] = {}
    paths: list[Path | None] = []
    for given in column:
        path = folder / given.strip().replace("\\", "/").removeprefix("file://")
        if os.path.isfile(path):  # noqa: PTH113 (Path.is_file raises where a name is too long)
            paths.append(Path(os.path.normpath(path)))
            continue
        if not below:
            below = _files_by_name(folder)
        key = posixpath.basename(given.strip().replace("\\", "/"))
        alike = below.get(key, [])
        paths.append(alike[0] if len(alike) == 1 else None)
    there = [path for path in paths if path is not None]
    inside = all(path.is_relative_to(folder) for path in there)
    root = folder if inside or not there else Path(os.path.commonpath([path.parent for path in there]))
    for given, found in zip(column, paths, strict=True):
        yield given, "" if found is None else found.relative_to(root).as_posix(), found


def _files_by_name(folder: Path) -> dict[str, list[Path]]:
    """The files below a folder by name and by name without suffix; tables and what is hidden are none of them."""
    found: dict[str, list[Path]] = defaultdict(list)
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            if not name.startswith(".") and not is_table(path):
                for key in {name, path.stem}:
                    found[key].append(path)
    return found
