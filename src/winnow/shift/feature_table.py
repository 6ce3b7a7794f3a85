"""Tables of features that never lie in memory whole: CSV, Parquet, npy and npz into a float16 memory map."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from winnow import tables
from winnow.data.readers.table import FILE_COLUMNS
from winnow.errors import WinnowError
from winnow.progress import progress

SUFFIXES = (".csv", ".parquet", ".npy", ".npz")
_BLOCK = 2**24  # bytes of CSV
_LONGEST_ROW = 2**24  # bytes of CSV
NOTE_EVERY = 16  # blocks of CSV, after which a run that was killed can go on
_ROWS = 4096  # of Parquet and arrays at a time
_FLOAT16_MAX = 65504.0
_STEP, _SMALLEST = 2.0**-11, 2.0**-25  # rounding to float16 changes x by at most their sum, the first times |x|
_LOST = 0.1  # of a column's deviation: what rounding to float16 may change its values by, root mean square
_CONSTANT = 1e-6  # of a column's size: as computed in float32, a constant varies by less
_NO_NAME = ("", "Unnamed: 0")  # what pandas writes and reads where an index has no name


@dataclass(frozen=True)
class FeatureTable:
    """N rows of D features.

    Attributes:
        features: (N, D) float16, a memory map.
        labels: (N,) str, as they stand in the file.
    """

    features: np.ndarray
    labels: np.ndarray


def is_feature_table(path: str | Path, *, label_column: str, leave_out: Sequence[str]) -> bool:
    """Whether a path names a table of features, and neither an archive nor a table that lists images.

    A CSV or Parquet lists images where, beside its labels, it has a column of files and nothing else, or no column of
    the labels' name (a column of zeros and ones per class).
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        return False
    if path.suffix in (".npy", ".npz") or not path.is_file():
        return True
    names = _csv_names(path)[0] if path.suffix == ".csv" else _parquet_names(path)
    files = [name for name in names if name.lower() in FILE_COLUMNS]
    others = set(names) - {label_column, *leave_out, *_NO_NAME, *files}
    return bool(others) if label_column in names else not files


def read_features(
    path: str | Path, target: Path, *, label_column: str, leave_out: Sequence[str], note: Path | None = None
) -> FeatureTable:
    """Convert a table into a memory map, block by block.

    Args:
        path: `.csv` and `.parquet` with a column a feature; `.npz` with the arrays `features` and the label column's;
            `.npy` with the labels beside it in `<name>.labels.npy`.
        target: the .npy to write.
        label_column: the column, or array, of labels.
        leave_out: columns that are no features, where they are there; an index without a name is left out always.
        note: a JSON file by which a run after a kill goes on where a CSV was left, or finds it read; `target` must
            then be where it was. The caller removes it. None writes none.

    Raises:
        WinnowError: if the file is missing or empty, has no label column or no feature, or a cell that is missing, no
            number, or too large for float16 (65,504), or a column that rounding to float16 changes by more than a tenth
            of its standard deviation; it names the file and the column.
    """
    path = Path(path)
    if not path.is_file():
        raise WinnowError(f"{path} does not exist; name a feature table that does.")
    if note and path.suffix != ".csv":
        note.unlink(missing_ok=True)  # of what is written over
    match path.suffix:
        case ".csv":
            labels = _from_csv(path, target, label_column, leave_out, note)
        case ".parquet":
            labels = _from_parquet(path, target, label_column, leave_out)
        case _:
            labels = _from_arrays(path, target, label_column)
    if not len(labels):
        raise WinnowError(f"{path} holds no rows; give it some below its header.")
    return FeatureTable(np.load(target, mmap_mode="r"), labels)


class _Rounding:
    """What float16 takes from each of D columns.

    Attributes:
        sums: (4, D) float64: the first row; the sums over all rows of their differences from it and of the squares
            of these; and that of the squared errors of rounding, over the blocks in which these may matter.
    """

    def __init__(self, sums: np.ndarray) -> None:
        self.sums = sums

    def add(self, block: np.ndarray, rounded: np.ndarray, *, first: bool) -> None:
        """Count n > 0 rows, (n, D) float32, and what float16 makes of them; whether they are the first ones."""
        if first:
            self.sums[0] = block[0]
        difference = block - self.sums[0].astype(np.float32)
        total, squares = difference.sum(axis=0, dtype=np.float64), _squares(difference)
        self.sums[1:3] += total, squares
        largest_error = _STEP * abs(block).max(axis=0) + _SMALLEST
        coarse = largest_error**2 > _LOST**2 * (squares / len(block) - (total / len(block)) ** 2)
        self.sums[3, coarse] += _squares(rounded[:, coarse] - block[:, coarse])

    def check(self, rows: int, columns: Sequence[str], where: str) -> None:
        """Raise a WinnowError for columns that lose more than `_LOST`; those that are constant lose nothing."""
        total, squares, errors = self.sums[1:] / max(rows, 1)
        mean, variance = self.sums[0] + total, squares - total**2
        lost = np.flatnonzero((variance > (_CONSTANT * mean) ** 2) & (errors > _LOST**2 * variance))
        if len(lost):
            worst = lost[0]
            others = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            raise WinnowError(
                f"{where}: column {columns[worst]!r}{others} varies by only {np.sqrt(variance[worst]):.2g} around "
                f"{mean[worst]:.6g}, which float16 rounds away; subtract its mean and divide by its deviation, by the "
                "same numbers in every set, or leave it out."
            )


def _squares(values: np.ndarray) -> np.ndarray:
    """(D,) float64 sums of the squares of (n, D) float32, which become their squares."""
    return np.asarray(np.square(values, out=values).sum(axis=0, dtype=np.float64))


class _Writer:
    """Appends blocks to an .npy whose header is written last; its rows are counted in `done`."""

    def __init__(
        self, target: Path, columns: Sequence[str], where: str, *, done: int = 0, sums: np.ndarray | None = None
    ) -> None:
        self._columns, self._where, self.done = columns, where, done
        self.rounding = _Rounding(np.zeros((4, len(columns))) if sums is None else sums)
        target.parent.mkdir(parents=True, exist_ok=True)
        if done:
            self._file = target.open("r+b")
            self._header()
            self._file.truncate(self._file.tell() + done * len(columns) * 2)
            self._file.seek(0, io.SEEK_END)
        else:
            self._file = target.open("w+b")
            self._header()

    def _header(self) -> None:
        """numpy leaves room for the first axis to grow."""
        self._file.seek(0)
        shape = {"descr": "<f2", "fortran_order": False, "shape": (self.done, len(self._columns))}
        np.lib.format.write_array_header_1_0(self._file, shape)

    def append(self, block: np.ndarray) -> None:
        for problem, bad in (
            ("no number", ~np.isfinite(block)),
            ("more than float16 holds", abs(block) > _FLOAT16_MAX),
        ):
            if bad.any():
                row, column = np.argwhere(bad)[0]
                raise WinnowError(
                    f"{self._where}: row {self.done + row + 1}, column {self._columns[column]!r} holds {problem} "
                    f"({block[row, column]}); fill it in, scale it or leave the row out."
                )
        if not len(block):
            return
        rounded = np.ascontiguousarray(block, dtype="<f2")
        self.rounding.add(block, rounded, first=not self.done)
        self._file.write(rounded.tobytes())
        self.done += len(block)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.rounding.check(self.done, self._columns, self._where)
        self._header()
        self._file.close()


def _from_csv(path: Path, target: Path, label_column: str, leave_out: Sequence[str], note: Path | None) -> np.ndarray:
    names, start = _csv_names(path)
    columns = _feature_columns(names, str(path), label_column, leave_out)
    size = path.stat().st_size
    about = {
        "path": str(path.resolve()),
        "size": size,
        "modified": path.stat().st_mtime_ns,
        "label_column": label_column,
        "columns": columns,
    }
    state = _state(note, about) if note and target.exists() else None
    if note and not state:
        note.unlink(missing_ok=True)
    offset, labels = (state["offset"], _unpacked(state["labels"])) if state else (start, [])
    sums = np.array(state["rounding"]) if state else None
    writer, blocks = _Writer(target, columns, str(path), done=len(labels), sums=sums), 0

    def keep(offset: int) -> None:
        if note:
            found = {"offset": offset, "rounding": writer.rounding.sums, "labels": _packed(labels)}
            tables.write_json(note, about | found)

    with progress(f"read {path.name}", size, done=offset) as report:
        for block, end in _csv_blocks(path, offset):
            table = _parsed(block, names, columns, label_column, f"{path}: rows {writer.done + 1} on")
            values = np.stack([table[name].to_numpy() for name in columns], axis=1)
            writer.append(values)
            labels += _texts(table[label_column], str(path))
            if (blocks := blocks + 1) % NOTE_EVERY == 0:
                writer.flush()
                keep(end)
            report(len(block), f"{writer.done} rows")
    writer.close()
    keep(size)
    return np.array(labels, dtype=str)


def _csv_names(path: Path) -> tuple[list[str], int]:
    """The names of the columns, and where the rows begin."""
    with path.open("rb") as file:
        first = file.readline(_LONGEST_ROW)
    try:
        return next(csv.reader([first.decode("utf-8-sig", errors="replace")]), []), len(first)
    except csv.Error as error:
        raise WinnowError(f"{path} does not begin with a line of names ({error}); write one.") from None


def _parquet_names(path: Path) -> list[str]:
    with tables.parquet_errors(path):
        return list(pq.read_schema(path).names)


def _state(note: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """What an earlier run noted of the same columns of the same file; None where there is none."""
    state: dict[str, Any] = tables.read_json(note) if note.exists() else {}
    return state if all(state.get(key) == value for key, value in about.items()) else None


def _packed(labels: list[str]) -> list[tuple[str, int]]:
    """Runs of equal labels: tables are mostly sorted by class."""
    runs: list[tuple[str, int]] = []
    for label in labels:
        if runs and runs[-1][0] == label:
            runs[-1] = (label, runs[-1][1] + 1)
        else:
            runs.append((label, 1))
    return runs


def _unpacked(runs: list[tuple[str, int]]) -> list[str]:
    return [label for label, count in runs for _ in range(count)]


def _csv_blocks(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
    """Pieces of whole lines, and where each ends."""
    with path.open("rb") as file:
        file.seek(offset)
        while block := file.read(_BLOCK):
            start, rest, quotes = file.tell(), bytearray(), block.count(b'"')
            # An odd number of quotes: a line break within some.
            while (not rest or quotes % 2) and (line := file.readline(_LONGEST_ROW)):
                rest += line
                quotes += line.count(b'"')
                if len(rest) >= _LONGEST_ROW:
                    raise WinnowError(
                        f"{path}: a row around byte {start:,} is longer than {_LONGEST_ROW >> 20} MB, as one is whose "
                        "quote is left open; close it, or write shorter rows."
                    )
            yield block + rest, file.tell()


def _parsed(block: bytes, names: Sequence[str], columns: Sequence[str], label: str, where: str) -> pa.Table:
    keys = [f"{place}" if name not in columns and name != label else name for place, name in enumerate(names)]
    try:
        return pa.csv.read_csv(
            pa.BufferReader(block),
            read_options=pa.csv.ReadOptions(column_names=keys, use_threads=False, block_size=2 * len(block) + 1),
            convert_options=pa.csv.ConvertOptions(
                column_types={**dict.fromkeys(columns, pa.float32()), label: pa.string()},
                include_columns=[*columns, label],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise WinnowError(
            f"{where}: {str(error).splitlines()[0]}; write numbers there, or name the column in sets.leave_out."
        ) from None


def _feature_columns(names: Sequence[str], where: str, label_column: str, leave_out: Sequence[str]) -> list[str]:
    if label_column not in names:
        raise WinnowError(
            f"{where} has no column {label_column!r} for the labels, but {', '.join(map(repr, names[:4]))} and so on; "
            "set sets.label_column to the one that holds them."
        )
    if twice := {name for name in names if names.count(name) > 1 and name not in _NO_NAME}:
        raise WinnowError(f"{where} has several columns {min(twice)!r}; give each its own name.")
    columns = [name for name in names if name not in {label_column, *leave_out, *_NO_NAME}]
    if not columns:
        raise WinnowError(f"{where} has no column of features beside {label_column!r}; add some.")
    return columns


def _texts(column: pa.ChunkedArray, where: str) -> list[str]:
    if column.null_count:
        raise WinnowError(f"{where}: a row has no label; fill it in or leave the row out.")
    return [str(value) for value in column.to_pylist()]


def _from_parquet(path: Path, target: Path, label_column: str, leave_out: Sequence[str]) -> np.ndarray:
    with tables.parquet_errors(path):
        file = pq.ParquetFile(path)
        columns = _feature_columns(file.schema_arrow.names, str(path), label_column, leave_out)
        for name in columns:
            kind = file.schema_arrow.field(name).type
            if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
                raise WinnowError(
                    f"{path}: the column {name!r} holds {kind}, not numbers; name it in sets.leave_out or convert it."
                )
        writer = _Writer(target, columns, str(path))
        labels: list[str] = []
        with progress(f"read {path.name}", file.metadata.num_rows) as report:
            for batch in file.iter_batches(batch_size=_ROWS, columns=[*columns, label_column]):
                values = [pc.cast(batch[name], pa.float32()).to_numpy(zero_copy_only=False) for name in columns]
                writer.append(np.stack(values, axis=1))
                labels += _texts(batch[label_column], str(path))
                report(len(batch))
    writer.close()
    return np.array(labels, dtype=str)


def _from_arrays(path: Path, target: Path, label_column: str) -> np.ndarray:
    if path.suffix == ".npz":
        arrays = tables.read_arrays(path)
        for name in ("features", label_column):
            if name not in arrays:
                raise WinnowError(f"{path} has no array {name!r}, only {', '.join(arrays) or 'none'}; add it.")
        features, labels = arrays["features"], arrays[label_column]
    else:
        beside = path.with_suffix(".labels.npy")
        if not beside.is_file():
            raise WinnowError(f"{path} needs its labels in {beside}; write them there, one a row.")
        features, labels = tables.map_array(path), tables.map_array(beside)
    if features.ndim != 2 or features.dtype.kind not in "fiu":
        raise WinnowError(f"{path} holds {features.dtype} of shape {features.shape}, not a table of numbers (N, D).")
    if labels.ndim != 1:
        raise WinnowError(f"{path}: the labels are of shape {labels.shape}, not one a row (N,); write them so.")
    if len(features) != len(labels):
        raise WinnowError(f"{path} has {len(features)} rows of features and {len(labels)} labels; give one a row.")
    writer = _Writer(target, list(map(str, range(features.shape[1]))), str(path))
    for start in range(0, len(features), _ROWS):
        writer.append(np.asarray(features[start : start + _ROWS], dtype=np.float32))
    writer.close()
    return np.asarray(labels).astype(str)
