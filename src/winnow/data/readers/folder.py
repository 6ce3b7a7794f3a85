"""A folder, read like an archive; links in it are followed."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from winnow.data.litter import system_litter
from winnow.data.readers.names import Names
from winnow.errors import WinnowError


class FolderReader:
    """Reads a folder. Links to files and folders are followed wherever they lead: with DVC and Hugging Face, the files
    themselves lie in a cache. A link to a folder that it lies in is refused."""

    def __init__(self, path: Path, max_unpacked_bytes: float) -> None:
        self.label = str(path)
        self._names = Names[Path](self.label, max_unpacked_bytes)
        # Each folder with its name below the root and the real paths of all that it lies in.
        waiting = [(path, "", frozenset({os.path.realpath(path)}))]
        while waiting:
            folder, name, above = waiting.pop()
            for entry in self._entries(folder, name):
                file, below = folder / entry, f"{name}/{entry}" if name else entry
                self._names.require_text(below)
                if not os.path.isdir(file):  # noqa: PTH112 (Path.is_dir raises where a folder above may not be entered)
                    self._add(file, below)
                    continue
                self._names.add_folder(below)
                real = os.path.realpath(file)
                if real in above:
                    raise WinnowError(
                        f"{self.label} holds the link {below!r}, which leads to {real}, a folder that it lies in; "
                        "remove the link."
                    )
                waiting.append((file, below, above | {real}))
        self.left_out: Mapping[str, str] = self._names.left_out

    def _entries(self, folder: Path, name: str) -> list[str]:
        try:
            return sorted(entry.name for entry in folder.iterdir())
        except OSError as error:
            if system_litter(f"{name}/"):  # lost+found, say, is for the system's eyes only
                self._names.left_out[f"{name}/"] = "system"
                return []
            raise WinnowError(
                f"{self.label}/{name} cannot be opened ({error.strerror}), so nothing below it can be read; make it "
                "readable, or remove it."
            ) from None

    def _add(self, file: Path, name: str) -> None:
        if self._names.is_litter(name):
            return
        with self._unreadable_reported(name, file):
            status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            self._names.refuse_special(name)
        self._names.add(name, status.st_size, file)

    @contextmanager
    def _unreadable_reported(self, name: str, file: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            fix = "repair or remove it"
            if file.is_symlink():
                fix = f"it is a link to {file.readlink()}; bring that back ('dvc checkout' if DVC has it) or remove it"
            raise WinnowError(f"{self.label}/{name} cannot be read ({error.strerror}); {fix}.") from None

    def names(self) -> list[str]:
        return sorted(self._names.of)

    def size(self, name: str) -> int:
        return self._names.sizes[name]

    def empty_folders(self) -> list[str]:
        return self._names.empty_folders()

    def read(self, name: str) -> bytes:
        file = self._names.to_read(name)
        with self._unreadable_reported(name, file):
            return file.read_bytes()

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((name, self.read(name)) for name in names)
