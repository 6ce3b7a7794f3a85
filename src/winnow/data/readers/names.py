"""The names in an archive: unsafe ones are refused, litter is set aside."""

import posixpath
import re
from pathlib import Path
from typing import Generic, TypeVar

from winnow.data.litter import system_litter
from winnow.errors import WinnowError

Entry = TypeVar("Entry")
LARGEST_FILE = 2**31
"""Most bytes of a file of an archive that is read, at once."""
_DRIVE = re.compile(r"[A-Za-z]:/")


class Names(Generic[Entry]):
    """Collects the entries of an archive and refuses the bad ones as they come.

    Attributes:
        of: what the archive needs to read each file, by name.
        sizes: bytes of each file, by name, as the archive declares them.
        left_out: why each file that is no part of a dataset was set aside, by name.
        folders: every folder that the archive lists, whether or not it holds anything.
    """

    def __init__(self, label: str, max_unpacked_bytes: float) -> None:
        self._label, self._limit, self._total = label, max_unpacked_bytes, 0
        self.of: dict[str, Entry] = {}
        self.sizes: dict[str, int] = {}
        self.left_out: dict[str, str] = {}
        self.folders: set[str] = set()

    def is_litter(self, name: str) -> bool:
        """Set a file aside if it is no part of a dataset; it is then neither looked into nor read."""
        reason = system_litter(name)
        if reason is not None:
            self.left_out[name] = reason
        return reason is not None

    def add(self, name: str, size: int, entry: Entry) -> None:
        """Take one file in; `name` as `checked` returns it."""
        if name in self.of:
            raise WinnowError(f"{self._label} holds the name {name!r} twice; pack it again with each name once.")
        self._total += size
        if self._total > self._limit:
            raise WinnowError(
                f"{self._label} unpacks to at least {_gigabytes(self._total)} but {_gigabytes(self._limit)} is the "
                "limit; if you trust it, raise data.max_unpacked_gb in params.yaml."
            )
        self.of[name], self.sizes[name] = entry, size

    def to_read(self, name: str) -> Entry:
        """What the archive needs to read a file; one of more than `LARGEST_FILE` bytes is refused."""
        if self.sizes[name] > LARGEST_FILE:
            raise WinnowError(
                f"{self._label} holds {name!r} of {_gigabytes(self.sizes[name])}, and {_gigabytes(LARGEST_FILE)} is "
                "the most that is read of one file; split it, or take it out."
            )
        return self.of[name]

    def add_folder(self, name: str) -> None:
        if name != ".":
            self.folders.add(name)

    def empty_folders(self) -> list[str]:
        """Sorted names of the folders below which there is no file at all, the lowest ones only."""
        holding = {""}
        for name in (*self.of, *self.left_out, *self.folders):
            while (name := posixpath.dirname(name)) not in holding:
                holding.add(name)
        return sorted(name for name in self.folders if name not in holding and system_litter(name + "/") is None)

    def checked(self, raw_name: str) -> str:
        """The name in POSIX form; a name that leaves the root, or is no text, is refused."""
        name = posixpath.normpath(raw_name.replace("\\", "/"))
        self.require_text(raw_name)
        if name.startswith(("/", "../")) or name == ".." or _DRIVE.match(name):
            raise WinnowError(
                f"{self._label} holds the entry {raw_name!r}, which leads out of the archive; do not unpack it, "
                "pack it again."
            )
        return name

    def require_text(self, raw_name: str) -> None:
        try:
            raw_name.encode()
        except UnicodeEncodeError:
            again = "" if Path(self._label).is_dir() else " and pack it again"
            raise WinnowError(
                f"{self._label} holds the name {raw_name!r}, which is not UTF-8; rename the file{again}."
            ) from None

    def refuse_link(self, raw_name: str) -> None:
        raise WinnowError(f"{self._label} holds the link {raw_name!r}; pack the file itself in its place.")

    def refuse_special(self, raw_name: str) -> None:
        raise WinnowError(f"{self._label} holds {raw_name!r}, which is neither a file nor a folder; remove it.")


def _gigabytes(size: float) -> str:
    return f"{size / 2**30:.3g} GB"
