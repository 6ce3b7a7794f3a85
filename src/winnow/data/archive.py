"""Folders, zip and tar archives behind one reader that refuses what is unsafe or damaged.

Nothing is ever unpacked to disk. Names are checked all the same: an entry that leads out of the archive is a sign of a
hostile or broken file, and whoever unpacks it by hand would be hurt.
"""

import lzma
import os
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from winnow.errors import WinnowError

_LITTER = {".DS_Store", "Thumbs.db"}
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError)
_COMPRESSED_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")

_Entry = TypeVar("_Entry")
_File = TypeVar("_File", zipfile.ZipFile, tarfile.TarFile)


class Archive(Protocol):
    """An open archive; `label` is its path, for messages."""

    label: str

    def names(self) -> list[str]:
        """Sorted POSIX paths of all files; no folders, no litter of macOS or Windows."""
        ...

    def read(self, name: str) -> bytes:
        """Content of one file; raises WinnowError if the archive is damaged there."""
        ...

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files wanted, in the order that is fastest to read."""
        ...


@contextmanager
def open_archive(path: str | Path, *, max_unpacked_bytes: float) -> Iterator[Archive]:
    """Open a folder, a zip or a tar (plain, gz, bz2 or xz) for reading.

    Args:
        path: the archive.
        max_unpacked_bytes: most bytes that its files may hold together, by what the archive declares; no file is
            ever read beyond its declared size.

    Raises:
        WinnowError: if there is no such archive, it is none of the three, is damaged or encrypted, holds a name
            twice, a link that could lead elsewhere or an entry outside its root, or unpacks to more than allowed.
    """
    path = Path(path)
    if path.is_dir():
        yield _Folder(path, max_unpacked_bytes)
        return
    if not path.exists():
        raise WinnowError(f"there is no archive {path}; set data.archive in params.yaml to a folder, zip or tar.")
    try:
        with path.open("rb") as file:
            start = file.read(262)
    except OSError as error:
        raise WinnowError(f"{path} cannot be read ({error.strerror}); check its permissions.") from None
    if start.startswith(b"PK"):
        with _reading(path, zipfile.ZipFile, _Zip, max_unpacked_bytes) as archive:
            yield archive
    elif start[257:262] == b"ustar" or start.startswith(_COMPRESSED_MAGIC):
        with _reading(path, tarfile.open, _Tar, max_unpacked_bytes) as archive:
            yield archive
    else:
        raise WinnowError(
            f"{path} is neither a folder, a zip nor a tar (plain, gz, bz2 or xz); pack it as one of these."
        )


@contextmanager
def _reading(
    path: Path,
    opener: Callable[[Path], _File],
    reader: Callable[[Path, _File, float], Archive],
    max_unpacked_bytes: float,
) -> Iterator[Archive]:
    with _damage_reported(path):
        file = opener(path)
    with file:
        with _damage_reported(path):
            archive = reader(path, file, max_unpacked_bytes)
        yield archive


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        cause = str(error).partition("\n")[0].rstrip(":") or type(error).__name__
        raise WinnowError(f"{path} is damaged or incomplete ({cause}); download or pack it again.") from None


class _Names(Generic[_Entry]):
    """Collects the entries of an archive and refuses the bad ones as they come."""

    def __init__(self, path: Path, max_unpacked_bytes: float) -> None:
        self._path, self._limit, self._total = path, max_unpacked_bytes, 0
        self.of: dict[str, _Entry] = {}

    def add(self, raw_name: str, size: int, entry: _Entry) -> None:
        """Take one file in; `entry` is what the archive needs to read it."""
        name = self.checked(raw_name)
        parts = name.split("/")
        if parts[-1] in _LITTER or parts[-1].startswith("._") or "__MACOSX" in parts:
            return
        if name in self.of:
            raise WinnowError(f"{self._path} holds the name {name!r} twice; pack it again with each name once.")
        self._total += size
        if self._total > self._limit:
            raise WinnowError(
                f"{self._path} unpacks to at least {_gigabytes(self._total)} but {_gigabytes(self._limit)} is the "
                "limit; if you trust it, raise data.max_unpacked_gb in params.yaml."
            )
        self.of[name] = entry

    def checked(self, raw_name: str) -> str:
        """The name in POSIX form; a name that leaves the root, or is no text, is refused."""
        name = posixpath.normpath(raw_name.replace("\\", "/"))
        try:
            name.encode()
        except UnicodeEncodeError:
            raise WinnowError(
                f"{self._path} holds the name {raw_name!r}, which is not UTF-8; rename the file and pack it again."
            ) from None
        if name.startswith(("/", "../")) or name == ".." or name[1:2] == ":":
            raise WinnowError(
                f"{self._path} holds the entry {raw_name!r}, which leads out of the archive; do not unpack it, "
                "pack it again."
            )
        return name

    def refuse_link(self, raw_name: str) -> None:
        raise WinnowError(f"{self._path} holds the link {raw_name!r}; pack the file itself in its place.")

    def refuse_special(self, raw_name: str) -> None:
        raise WinnowError(f"{self._path} holds {raw_name!r}, which is neither a file nor a folder; remove it.")


class _Folder:
    def __init__(self, path: Path, max_unpacked_bytes: float) -> None:
        self.label = str(path)
        self._root = path.resolve()
        self._names = _Names[Path](path, max_unpacked_bytes)
        for folder, subfolders, files in os.walk(self._root):
            subfolders.sort()
            for name in sorted([*files, *(sub for sub in subfolders if Path(folder, sub).is_symlink())]):
                self._add(Path(folder, name))

    def _add(self, file: Path) -> None:
        name = file.relative_to(self._root).as_posix()
        target = Path(os.path.realpath(file))  # resolve() raises where links lead in a circle; stat() says it in words
        if file.is_symlink() and (target.is_dir() or not target.is_relative_to(self._root)):
            raise WinnowError(
                f"{self.label} holds the link {name!r}, which leads to {target}; put the files themselves in its place."
            )
        with self._unreadable_reported(name):
            status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            self._names.refuse_special(name)
        self._names.add(name, status.st_size, file)

    @contextmanager
    def _unreadable_reported(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WinnowError(f"{self.label}/{name} cannot be read ({error.strerror}); mend or remove it.") from None

    def names(self) -> list[str]:
        return sorted(self._names.of)

    def read(self, name: str) -> bytes:
        with self._unreadable_reported(name):
            return self._names.of[name].read_bytes()

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((name, self.read(name)) for name in names)


class _Zip:
    def __init__(self, path: Path, file: zipfile.ZipFile, max_unpacked_bytes: float) -> None:
        self.label = str(path)
        self._path, self._file = path, file
        self._names = _Names[zipfile.ZipInfo](path, max_unpacked_bytes)
        for entry in file.infolist():
            mode = entry.external_attr >> 16
            if stat.S_ISLNK(mode):
                self._names.refuse_link(entry.filename)
            if entry.is_dir():
                self._names.checked(entry.filename)
                continue
            if entry.flag_bits & 0x1:
                raise WinnowError(f"{path} is encrypted ({entry.filename!r}); pack it again without a password.")
            self._names.add(entry.filename, entry.file_size, entry)

    def names(self) -> list[str]:
        return sorted(self._names.of)

    def read(self, name: str) -> bytes:
        entry = self._names.of[name]
        # A size is passed because `read()` without one inflates all there is before it looks at the declared size.
        with _damage_reported(self._path), self._file.open(entry) as file:
            content = file.read(entry.file_size)
        if len(content) != entry.file_size:
            raise WinnowError(
                f"{self._path} is damaged or incomplete ({name!r} is cut off); download or pack it again."
            )
        return content

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((name, self.read(name)) for name in names)


class _Tar:
    def __init__(self, path: Path, file: tarfile.TarFile, max_unpacked_bytes: float) -> None:
        self.label = str(path)
        self._path, self._file = path, file
        self._names = _Names[tarfile.TarInfo](path, max_unpacked_bytes)
        # Headers are checked one by one, so that a compressed bomb is refused before it is inflated.
        for entry in file:
            if entry.issym() or entry.islnk():
                self._names.refuse_link(entry.name)
            if entry.isdir():
                self._names.checked(entry.name)
            elif entry.isreg():
                self._names.add(entry.name, entry.size, entry)
            else:
                self._names.refuse_special(entry.name)

    def names(self) -> list[str]:
        return sorted(self._names.of)

    def read(self, name: str) -> bytes:
        with _damage_reported(self._path):
            file = self._file.extractfile(self._names.of[name])
            assert file is not None  # only of a folder or a special file, and neither is taken in
            with file:
                return file.read()

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        # By place in the file: going back in a compressed tar inflates it from the start again.
        for name in sorted(names, key=lambda name: self._names.of[name].offset):
            yield name, self.read(name)


def _gigabytes(size: float) -> str:
    return f"{size / 2**30:.3g} GB"
