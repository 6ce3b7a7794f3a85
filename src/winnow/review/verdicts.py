"""Writing the review files: one row per image, whole or not at all, and never over a verdict that was not seen."""

import csv
import fcntl
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from winnow.curation.review import (
    COLUMNS,
    CONFIRMATION_COLUMNS,
    CONFIRMATIONS_FILE,
    DECISIONS_FILE,
    plain_cells,
)
from winnow.errors import WinnowError
from winnow.workspace import Workspace

Verdict = Mapping[str, str]


class Conflict(Exception):
    """Someone else's verdict came first; `current` holds what the file says of each image concerned (None: nothing)."""

    def __init__(self, current: dict[str, dict[str, str] | None]) -> None:
        super().__init__(f"{len(current)} verdicts were changed elsewhere")
        self.current = current


@dataclass(frozen=True)
class Change:
    """One image's new verdict.

    Attributes:
        image_id: the image.
        expected: the verdict that the reviewer saw, None for none; only the columns given are compared.
        verdict: the new one, None to take it back.
    """

    image_id: str
    expected: Verdict | None
    verdict: Verdict | None


class VerdictFile:
    """A CSV file with a row per image.

    Every write takes a lock that other processes respect, reads the file anew, compares it with what the reviewer saw,
    and replaces it as a whole, so that two tabs, two servers or a crash lose nothing. Rows and columns that people
    added by hand stay.
    """

    def __init__(self, path: str | Path, columns: Sequence[str], *, lock: str | Path) -> None:
        """Args: the file; its columns, `image_id` among them; a file to lock, outside the folder that DVC watches."""
        self.path, self.columns, self._lock = Path(path), tuple(columns), Path(lock)

    def read(self) -> dict[str, dict[str, str]]:
        """Rows by image_id, in the file's order; raises WinnowError if it is no such CSV."""
        return self._parse()[1]

    def apply(self, changes: Sequence[Change]) -> dict[str, dict[str, str]]:
        """Make all changes or none.

        Returns:
            The rows after the change.

        Raises:
            Conflict: if an image's verdict is not the one expected, nor already the new one.
            WinnowError: if the file cannot be read or written.
        """
        with self._locked():
            header, rows = self._parse()
            current = {
                change.image_id: rows.get(change.image_id)
                for change in changes
                if not _matches(rows.get(change.image_id), change.expected)
                and not _matches(rows.get(change.image_id), change.verdict)
            }
            if current:
                raise Conflict(current)
            for change in changes:
                if change.verdict is None:
                    rows.pop(change.image_id, None)
                else:
                    kept = rows.get(change.image_id, {})
                    rows[change.image_id] = {**kept, **change.verdict, "image_id": change.image_id}
            self._write(header, rows)
        return rows

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._lock.parent.mkdir(parents=True, exist_ok=True)
            file = self._lock.open("w")
        except OSError as error:
            raise WinnowError(f"{self._lock} cannot be written ({error.strerror}); nothing was saved.") from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, also by a crash
            yield

    def _parse(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        if not self.path.exists():
            return list(self.columns), {}
        try:
            reader = csv.DictReader(io.StringIO(self.path.read_text(encoding="utf-8-sig"), newline=""))
            header = list(reader.fieldnames or [])
            missing = [name for name in self.columns if name not in header and name != "reason"]
            if missing:
                raise WinnowError(f"{self.path} has no column {missing[0]!r}; fix its first line, nothing was saved.")
            rows: dict[str, dict[str, str]] = {}
            for row in reader:
                cells = plain_cells(row)
                if not cells["image_id"] or cells["image_id"] in rows:
                    raise WinnowError(
                        f"{self.path}, line {reader.line_num}: the image_id {cells['image_id']!r} is empty or stands "
                        "twice; fix the line, nothing was saved."
                    )
                rows[cells["image_id"]] = cells
        except (UnicodeDecodeError, csv.Error, OSError) as error:
            raise WinnowError(f"{self.path} cannot be read as CSV in UTF-8 ({error}); nothing was saved.") from None
        return header + [name for name in self.columns if name not in header], rows

    def _write(self, header: list[str], rows: dict[str, dict[str, str]]) -> None:
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
        replace_durably(self.path, buffer.getvalue())


def replace_durably(path: Path, text: str) -> None:
    """Replace a file as a whole, and have it on the disk before the answer; raises WinnowError if that fails."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise WinnowError(f"{path} cannot be written ({error.strerror}); nothing was saved.") from None
    finally:
        temporary.unlink(missing_ok=True)


def _matches(row: Verdict | None, expected: Verdict | None) -> bool:
    if row is None or expected is None:
        return row is None and expected is None
    return all(row.get(key, "") == text for key, text in expected.items())


def decisions_file(workspace: Workspace) -> VerdictFile:
    """What people decided in a workspace."""
    return _verdict_file(workspace, DECISIONS_FILE, COLUMNS)


def validation_file(workspace: Workspace) -> VerdictFile:
    """What people confirmed for the validation set in a workspace."""
    return _verdict_file(workspace, CONFIRMATIONS_FILE, CONFIRMATION_COLUMNS)


def _verdict_file(workspace: Workspace, name: str, columns: Sequence[str]) -> VerdictFile:
    lock = workspace.root / ".winnow/review.lock"
    return VerdictFile(workspace.path("review") / name, (*columns, "reason"), lock=lock)
