"""Reading and writing the files that travel between stages.

Every writer is atomic (a temporary name beside the target, then `os.replace`), so that a killed stage never leaves half
a file, and deterministic (fixed compression, no timestamps), so that the same content is the same bytes.
"""

import glob
import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import WinnowError, first_sentence

COMPRESSION = "zstd"
ROW_GROUP = 4096
# What a spreadsheet computes when a CSV is opened, with the apostrophes that keep it from doing so.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
# What readers of a format stumble over where a file is cut or damaged. Arrow's own OSErrors have no number.
_PARQUET = (pa.ArrowException, OSError)
_ARRAYS = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error)
_JSON = (ValueError, RecursionError)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on an error it is removed."""
    path = Path(path)
    if path.is_dir():
        raise WinnowError(f"{path} is a folder; name a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WinnowError(f"{path} cannot be written ({error.strerror}); name another place.") from None
    remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk is reported without it
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed writers of the file or folder `path` left beside it; what cannot be removed stays."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        process = left.name.split(".")[-2]
        if not process.isdecimal() or len(process) > 9 or psutil.pid_exists(int(process)):
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Write `frame` without its index; zstd, row groups of 4,096 rows (small enough to stream packed images)."""
    with replacing(path) as temporary:
        pq.write_table(as_arrow(frame), temporary, compression=COMPRESSION, row_group_size=ROW_GROUP)


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """The Arrow table of a frame, without its index and without what pandas would note about itself."""
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a frame written by `write_parquet`; raises WinnowError if the file is missing or no Parquet file."""
    with parquet_errors(path):
        frame: pd.DataFrame = pq.read_table(path, columns=columns).to_pandas()
        return frame


def parquet_errors(path: str | Path) -> AbstractContextManager[None]:
    """Turn a missing or broken Parquet file into a WinnowError."""
    return _whole(path, "Parquet", _PARQUET)


@contextmanager
def _whole(path: str | Path, kind: str, broken: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn a missing file, or one that is cut or damaged, into a WinnowError; what the system refuses stays."""
    try:
        yield
    except FileNotFoundError:
        raise WinnowError(f"{path} is missing; run 'dvc repro' to build it.") from None
    except broken as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        cause = "objects, or no whole file" if "pickle" in str(error) else first_sentence(error).rstrip(".")
        raise WinnowError(f"{path} cannot be read as {kind} ({cause}); delete it and run 'dvc repro'.") from None


def write_arrays(path: str | Path, **arrays: np.ndarray) -> None:
    """Write named arrays as an uncompressed .npz; string arrays are fixed-width unicode, never pickled objects."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})


def read_arrays(path: str | Path, names: list[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of a .npz of these names, or all; raises WinnowError if the file is missing or damaged."""
    with _whole(path, "an .npz", _ARRAYS):
        with Path(path).open("rb") as file:
            if not zipfile.is_zipfile(file):  # numpy would take it for something else
                raise ValueError("it is no zip, or cut")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names or arrays.files}


def new_array_map(path: str | Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.memmap[Any, np.dtype[Any]]:
    """A new .npy as a memory map to write into, for what is finished in several runs.

    Its room on the disk is taken at once, where the system can: a write into a map ends the process without a word
    when the disk is full. Raises OSError then.
    """
    path = Path(path)
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            path.unlink()
            error.filename = str(path)
            raise
    return mapped


def map_array(path: str | Path) -> np.ndarray:
    """Open an .npy as a memory map, its rows read when asked for; raises WinnowError if it is missing or damaged."""
    with _whole(path, "an .npy", _ARRAYS):
        try:
            mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError:  # nothing to map, or not whole
            mapped = np.load(path, allow_pickle=False)
        return mapped


def write_json(path: str | Path, content: Any) -> None:
    """Write indented JSON with a newline at the end; numpy scalars become numbers, NaN is refused."""
    text = json.dumps(content, indent=2, allow_nan=False, default=_plain, ensure_ascii=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_json(path: str | Path) -> Any:
    """Read a JSON file written by an earlier stage; raises WinnowError if it is missing or damaged."""
    with _whole(path, "JSON", _JSON):
        return json.loads(Path(path).read_text(encoding="utf-8"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file of any kind."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_csv(frame: pd.DataFrame, path: str | Path, *, float_format: str = "%.6f", guarded: bool = False) -> None:
    """Write a CSV for people and `dvc plots`; `guarded`, no cell is taken for a formula by a spreadsheet (`guard`)."""
    frame = frame.map(guard) if guarded else frame
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format=float_format, lineterminator="\n")


def guard(cell: Any) -> Any:
    """Text with an apostrophe before it if a spreadsheet would compute it; what is no text as it is."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def unguard(cell: Any) -> Any:
    """What `guard` was given."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell) else cell


def read_csv(
    path: str | Path, columns: list[str] | None = None, *, text: Callable[[str], bool], guarded: bool = False
) -> pd.DataFrame:
    """Read a CSV written by `write_csv`.

    Args:
        path: the file.
        columns: the columns to read; all without it.
        text: whether a column holds text. Its cells stay as they are, since a class may be called NA or 1; an empty
            cell of any other column is NaN.
        guarded: whether it was written so.

    Raises:
        WinnowError: if the file is missing or no CSV.
    """
    try:
        header = pd.read_csv(path, nrows=0).columns
        frame = pd.read_csv(
            path,
            usecols=columns,
            dtype={name: str for name in header if text(name)},
            keep_default_na=False,
            na_values={name: [""] for name in header if not text(name)},
        )
        return frame.map(unguard) if guarded else frame
    except FileNotFoundError:
        raise WinnowError(f"{path} is missing; run 'dvc repro' to build it.") from None
    except ValueError as error:  # pandas' parser errors are among them
        raise WinnowError(f"{path} cannot be read as CSV ({error}); delete it and run 'dvc repro'.") from None


def align(image_id: np.ndarray, other_id: np.ndarray, what: str) -> np.ndarray:
    """Positions in `other_id` of each of `image_id`: the one way rows of different files are joined.

    Args:
        image_id: (N,) unique ids that give the order.
        other_id: (M,) unique ids, M >= N, in any order.
        what: what `other_id` comes from, for the error.

    Returns:
        (N,) int64 positions, so that `other_id[result] == image_id`.

    Raises:
        WinnowError: if an id occurs twice or is missing from `other_id`.
    """
    index = pd.Index(np.asarray(other_id).astype(str))
    if not index.is_unique:
        raise WinnowError(f"{what} holds the image_id {index[index.duplicated()][0]!r} twice; run 'dvc repro' again.")
    positions: np.ndarray = index.get_indexer(pd.Index(np.asarray(image_id).astype(str)))
    if (positions < 0).any():
        lost = str(np.asarray(image_id)[positions < 0][0])
        raise WinnowError(
            f"{what} has no row for image {lost!r}; run 'dvc repro' so that every stage sees the same images."
        )
    return positions.astype(np.int64)


def by_image(image_id: np.ndarray, frame: pd.DataFrame) -> pd.DataFrame:
    """A table of N rows in the order of (N,) ids, with the ids as its first column."""
    return pd.concat([pd.DataFrame({"image_id": image_id}), frame], axis=1)


def records(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings to dotted keys: {"a": {"b": 1}} gives {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(records(value, f"{name}."))
        else:
            flat[name] = value
    return flat
