"""The review files as CSV: read strictly, and each row matched with the image that it is about.

A row names its image and, where the review app or a careful person wrote it, the digest of the image's bytes. Names
change when a dataset's files are renumbered; the digest tells which image a verdict was given on.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from winnow.errors import WinnowError

DIGEST = "bytes_sha256"
REASON = "reason"
_DELIMITERS = (",", ";", "\t")
_SPREADSHEETS = (".ods", ".xls", ".xlsx", ".numbers")
_CONFLICT = ("<<<<<<< ", "=======", ">>>>>>> ")


@dataclass(frozen=True)
class Sheet:
    """A review file.

    Attributes:
        header: the columns, in the file's order.
        rows: the cells of each row by column, stripped; rows without any are left out.
        lines: the line of each row, from 1.
        delimiter: what parts cells: a comma, or what a spreadsheet wrote instead.
        marked: whether the file begins with a byte order mark, which Excel needs to see UTF-8.
    """

    header: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]
    delimiter: str = ","
    marked: bool = False


def read_sheet(path: Path, columns: Sequence[str]) -> Sheet:
    """Read a review file; an absent one has no rows.

    Args:
        path: CSV in UTF-8 with commas, semicolons or tabs. A line break in a cell is refused: it is what a quote left
            open looks like, which would hide the verdicts behind it. Where it is absent, a spreadsheet of its name is
            refused: its verdicts would count for nothing.
        columns: those that must be there.

    Raises:
        WinnowError: naming the line and the remedy, if the file is none of that, lacks a column, or a digest is none.
    """
    if not path.exists():
        others = [other for other in path.parent.glob(f"{path.stem}*") if other.suffix in _SPREADSHEETS]
        if others:
            raise WinnowError(
                f"{path} is missing, but {min(others)} is there; save it as {path.name}, in the form that "
                "Excel calls 'CSV UTF-8', or move it away."
            )
        return Sheet(tuple(columns), (), ())
    text, marked = _text(path)
    lines = text.splitlines(keepends=True)
    hint = re.fullmatch(r"sep=(.)", lines[0].rstrip("\r\n")) if lines else None  # a line of Excel's own
    skipped = 1 if hint else 0
    delimiter = hint[1] if hint else _delimiter(lines[0] if lines else "", columns)
    records = _records(path, "".join(lines[skipped:]), delimiter, skipped)
    header = [cell.strip() for cell in records[0][1]] if records else []
    while header and not header[-1]:
        header.pop()
    _check_header(path, header, columns)
    rows = tuple(_row(f"{path}, line {line}", cells, header, delimiter) for line, cells in records[1:])
    return Sheet(tuple(header), rows, tuple(line for line, _ in records[1:]), delimiter, marked)


def images_of(rows: Sequence[Mapping[str, str]], images: Mapping[str, str]) -> list[str | None]:
    """Which image each row is about.

    Args:
        rows: with `image_id` and, maybe, `bytes_sha256`.
        images: the digest of each image of the dataset, by its id.

    Returns:
        Of each row the id of the image of that name, if its digest is the row's or the row has none; else the one image
        of the row's digest that no other row is about; else None, also where several rows or images could be meant.
    """
    found: list[str | None] = []
    for row in rows:
        digest = images.get(row["image_id"])
        found.append(row["image_id"] if digest is not None and row.get(DIGEST, "") in ("", digest) else None)
    taken = set(found)
    free, open_rows = defaultdict(list), defaultdict(list)
    for place, row in enumerate(rows):
        if found[place] is None and row.get(DIGEST):
            open_rows[row[DIGEST]].append(place)
    if not open_rows:
        return found
    for image_id, digest in images.items():
        if image_id not in taken:
            free[digest].append(image_id)
    for digest, places in open_rows.items():
        if len(places) == 1 and len(free[digest]) == 1:
            found[places[0]] = free[digest][0]
    return found


def _text(path: Path) -> tuple[str, bool]:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise WinnowError(
            f"{path} cannot be read as CSV in UTF-8 ({error.reason} at byte {error.start}); save it in that form, "
            "which Excel calls 'CSV UTF-8'."
        ) from None
    except OSError as error:
        raise WinnowError(f"{path} cannot be read ({error.strerror}).") from None
    return text.removeprefix("\ufeff"), text.startswith("\ufeff")


def _delimiter(first_line: str, columns: Sequence[str]) -> str:
    """The one that finds most of the columns; the comma where none does."""

    def found(delimiter: str) -> int:
        cells = {cell.strip(' "\r\n') for cell in first_line.split(delimiter)}
        return len(cells.intersection(columns))

    return max(_DELIMITERS, key=found)


def _records(path: Path, text: str, delimiter: str, skipped: int) -> list[tuple[int, list[str]]]:
    """Line and cells of each record that has any."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = []
    line = skipped + 1
    try:
        for cells in reader:
            if any("\n" in cell or "\r" in cell for cell in cells):
                raise WinnowError(
                    f"{path}, line {line}: a quote is left open, or a cell goes over several lines; close the quote, "
                    "or write the cell in one line."
                )
            if any(cell.strip() for cell in cells):
                records.append((line, cells))
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise WinnowError(f"{path}, line {line}: the quotes do not match ({error}); close them.") from None
    for line, cells in records:
        if cells[0].startswith(_CONFLICT):
            raise WinnowError(f"{path}, line {line}: git left a merge conflict; choose the lines that hold.")
    return records


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        raise WinnowError(
            f"{path} has no column {missing[0]!r}; its first line must be '{','.join(columns)}' (the columns "
            f"'{DIGEST}' and '{REASON}' may follow)."
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise WinnowError(f"{path} has two columns {twice[0]!r}; rename one.")


def _row(place: str, cells: Sequence[str], header: Sequence[str], delimiter: str) -> dict[str, str]:
    row = dict.fromkeys(header, "") | {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
    beyond = cells[len(header) :]
    if any(cell.strip() for cell in beyond):
        if header[-1] != REASON:
            raise WinnowError(
                f"{place}: there are more cells than columns; put text that holds {delimiter!r} in quotes."
            )
        row[REASON] = delimiter.join(cells[len(header) - 1 :]).strip()  # a reason with a bare comma
    digest = row.get(DIGEST, "").lower()
    if not re.fullmatch(r"([0-9a-f]{64})?", digest):
        raise WinnowError(
            f"{place}: the {DIGEST} is {digest!r}, which is no sha256 of 64 digits; copy it from 'winnow why', or "
            "leave it empty."
        )
    return row | ({DIGEST: digest} if DIGEST in row else {})
