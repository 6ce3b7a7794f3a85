"""Writing the review files: one row per image, whole or not at all, and never over a verdict that was not seen."""

import csv
import fcntl
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from winnow.curation.review import COLUMNS, CONFIRMATION_COLUMNS, CONFIRMATIONS_FILE, DECISIONS_FILE
from winnow.curation.review_csv import DIGEST, REASON, Sheet, images_of, read_sheet
from winnow.curation.tags import TAG_COLUMNS, TAGS_FILE
from winnow.errors import WinnowError
from winnow.workspace import Workspace

Verdict = Mapping[str, str]
Images = Callable[[], Mapping[str, str]]


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
    added by hand stay, and so do the rows of images that are not there.
    """

    def __init__(
        self, path: str | Path, columns: Sequence[str], *, lock: str | Path, images: Images = dict[str, str]
    ) -> None:
        """Look after a file.

        Args:
            path: of the file; it need not exist.
            columns: that a verdict has in it, `image_id` first.
            lock: a file to lock, outside the folder that DVC watches.
            images: gives the sha256 of each image's bytes by its id; of none, each row is about the image it names.
        """
        self.path, self.columns, self._lock, self._images = Path(path), tuple(columns), Path(lock), images

    def read(self) -> dict[str, dict[str, str]]:
        """Rows by the image that each is about, in the file's order; raises WinnowError if it is no such CSV.

        The row of an image that is not there stands under the id that it names, unless another image has that id now.
        """
        return self._parse()[1]

    def apply(self, changes: Sequence[Change]) -> dict[str, dict[str, str]]:
        """Make all changes or none.

        Returns:
            The rows after the change, as `read` returns them.

        Raises:
            Conflict: if an image's verdict is not the one expected, nor already the new one.
            WinnowError: if the file cannot be read or written.
        """
        with locked(self._lock):
            try:
                sheet, rows, others = self._parse()
            except WinnowError as error:
                raise WinnowError(f"{error} Nothing was saved.") from None
            current = {
                change.image_id: rows.get(change.image_id)
                for change in changes
                if not _matches(rows.get(change.image_id), change.expected)
                and not _matches(rows.get(change.image_id), change.verdict)
            }
            if current:
                raise Conflict(current)
            images = self._images()
            for change in changes:
                if change.verdict is None:
                    rows.pop(change.image_id, None)
                else:
                    kept = rows.get(change.image_id, {})
                    rows[change.image_id] = {**kept, **change.verdict, "image_id": change.image_id}
                    if change.image_id in images:
                        rows[change.image_id][DIGEST] = images[change.image_id]
            self._write(sheet, [*rows.values(), *others])
        return rows

    def _parse(self) -> tuple[Sheet, dict[str, dict[str, str]], list[dict[str, str]]]:
        """The file, its rows by image, and the rows of images that are gone and whose ids others have now."""
        sheet = read_sheet(self.path, [name for name in self.columns if name not in (DIGEST, REASON)])
        images = self._images()
        rows: dict[str, dict[str, str]] = {}
        others = []
        for cells, line, found in zip(sheet.rows, sheet.lines, images_of(sheet.rows, images), strict=True):
            image_id = found or cells["image_id"]
            if images and found is None and (image_id in images or image_id in rows):
                others.append(cells)
                continue
            if not image_id or image_id in rows:
                raise WinnowError(
                    f"{self.path}, line {line}: the image_id {image_id!r} is empty or stands twice; fix the line."
                )
            rows[image_id] = {**cells, "image_id": image_id}
        return sheet, rows, others

    def _write(self, sheet: Sheet, rows: Sequence[Mapping[str, str]]) -> None:
        header = list(sheet.header)
        for name in self.columns:
            if name not in header:
                before_reason = name == DIGEST and REASON in header  # which takes in a bare comma as the last column
                header.insert(header.index(REASON) if before_reason else len(header), name)
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, header, restval="", lineterminator="\n", delimiter=sheet.delimiter)
        writer.writeheader()
        writer.writerows(rows)
        replace_durably(self.path, ("\ufeff" if sheet.marked else "") + buffer.getvalue())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes respect while the block runs; raises WinnowError where it cannot be had."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    except OSError as error:
        raise WinnowError(f"{path} cannot be written ({error.strerror}); nothing was saved.") from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, also by a crash
        yield


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


def decisions_file(workspace: Workspace, images: Images = dict[str, str]) -> VerdictFile:
    """What people decided in a workspace; `images` as `VerdictFile` takes it."""
    return _review_file(workspace, DECISIONS_FILE, (*COLUMNS, DIGEST, REASON), images)


def validation_file(workspace: Workspace, images: Images = dict[str, str]) -> VerdictFile:
    """What people confirmed for the validation set in a workspace; `images` as `VerdictFile` takes it."""
    return _review_file(workspace, CONFIRMATIONS_FILE, (*CONFIRMATION_COLUMNS, DIGEST, REASON), images)


def tags_file(workspace: Workspace, images: Images = dict[str, str]) -> VerdictFile:
    """The tags that people gave in a workspace; `images` as `VerdictFile` takes it."""
    return _review_file(workspace, TAGS_FILE, (*TAG_COLUMNS, DIGEST), images)


def _review_file(workspace: Workspace, name: str, columns: Sequence[str], images: Images) -> VerdictFile:
    return VerdictFile(workspace.path("review") / name, columns, lock=review_lock(workspace), images=images)


def review_lock(workspace: Workspace) -> Path:
    """The file that whoever writes what people said takes a lock on."""
    return workspace.root / ".winnow/review.lock"
