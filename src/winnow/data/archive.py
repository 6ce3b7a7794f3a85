"""Folders, zip and tar archives behind one reader that refuses what is unsafe, damaged or not whole.

Nothing is ever unpacked to disk. Names are checked all the same: an entry that leads out of the archive is a sign of a
hostile or broken file, and whoever unpacks it by hand would be hurt.
"""

import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol, TypeVar

from winnow.data.readers.damage import damage_reported
from winnow.data.readers.folder import FolderReader
from winnow.data.readers.table import TableReader, is_table
from winnow.data.readers.tar import TarReader, is_tar, open_tar
from winnow.data.readers.zip import ZipReader
from winnow.errors import WinnowError

_COMPRESSED_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
# What else people put where an archive belongs.
_OTHERS = {
    b"Rar!": "a RAR archive; unpack it and name the folder",
    b"7z\xbc\xaf'\x1c": "a 7z archive; unpack it and name the folder",
    b"\x28\xb5\x2f\xfd": "packed with Zstandard; unpack it and name the folder",
    b"PK\x07\x08": "one part of a zip in several; join them ('zip -s 0 parts.zip --out whole.zip')",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file itself with 'git lfs pull'",
    b"/annex/objects/": "a pointer of git-annex; fetch the file itself with 'git annex get'",
    b"outs:": "a pointer of DVC; name the file itself, which 'dvc pull' fetches",
    b"<": "a web page, as a download without a login gives; download the archive itself",
}

_File = TypeVar("_File", zipfile.ZipFile, tarfile.TarFile)


class Archive(Protocol):
    """An open archive.

    Attributes:
        label: its path, for messages.
        left_out: why each file that is no part of a dataset is not among `names()`, by name: `hidden`, `system` or
            `thumbnail`, as `winnow.data.litter.system_litter` says.
    """

    label: str
    left_out: Mapping[str, str]

    def names(self) -> list[str]:
        """Sorted POSIX paths of all files but those left out."""
        ...

    def size(self, name: str) -> int:
        """Bytes of one file, as the archive declares them."""
        ...

    def empty_folders(self) -> list[str]:
        """Sorted POSIX paths of the folders that hold nothing, not even a folder."""
        ...

    def read(self, name: str) -> bytes:
        """Content of one file; raises WinnowError if the archive is damaged there, or it is too large to be read."""
        ...

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files wanted, in the order that is fastest to read."""
        ...


@contextmanager
def open_archive(path: str | Path, *, max_unpacked_bytes: float) -> Iterator[Archive]:
    """Open a folder, a zip, a tar (plain, gz, bz2 or xz) or a table of images and labels for reading.

    Args:
        path: the archive.
        max_unpacked_bytes: most bytes that its files may hold together, by what the archive declares; no file is
            ever read beyond its declared size.

    Raises:
        WinnowError: if there is no such archive, it is none of these, is damaged, not whole or encrypted, holds a
            name twice, an entry outside its root or a link that is not followed (folders: one that leads in a circle
            or nowhere; archives: any but a hard link to a file before it), or unpacks to more than allowed.
    """
    path = Path(path)
    if path.is_dir():
        yield FolderReader(path, max_unpacked_bytes)
        return
    if not path.exists():
        raise WinnowError(
            f"there is no archive {path}; set data.archive in params.yaml to a folder, zip, tar or table."
        )
    if not path.is_file():
        raise WinnowError(f"{path} is a pipe, socket or device; name a folder, zip or tar.")
    if is_table(path):
        yield TableReader(path, max_unpacked_bytes)
        return
    try:
        with path.open("rb") as file:
            start = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise WinnowError(f"{path} cannot be read ({error.strerror}); check its permissions.") from None
    if is_tar(start) or start.startswith(_COMPRESSED_MAGIC):
        with _reading(path, open_tar, TarReader, max_unpacked_bytes) as archive:
            yield archive
        return
    if start and not start.strip(b"\0"):
        raise WinnowError(f"{path} begins with zeros, as an interrupted download does, or an empty tar; get it again.")
    for magic, called in _OTHERS.items():
        if start.lstrip().startswith(magic):
            raise WinnowError(f"{path} is {called}.")
    if not start.startswith(b"PK"):
        raise WinnowError(
            f"{path} is neither a folder, a zip nor a tar (plain, gz, bz2 or xz); pack it as one of these."
        )
    with _reading(path, zipfile.ZipFile, ZipReader, max_unpacked_bytes) as archive:
        yield archive


def read_in_order(archive: Archive, names: Collection[str], *, scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files wanted, in this order.

    Args:
        archive: that holds them.
        names: of the files, each once.
        scratch: a folder on a disk with room for these files, which go through a file without a name there if the
            archive is a compressed tar, to be inflated once.
    """
    if not (isinstance(archive, TarReader) and archive.is_compressed):
        yield from ((name, archive.read(name)) for name in names)
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=scratch) as file:
        places = {}
        for name, content in archive.items(names):
            places[name] = (file.tell(), len(content))
            file.write(content)
        for name in names:
            start, size = places[name]
            file.seek(start)
            yield name, file.read(size)


@contextmanager
def _reading(
    path: Path,
    opener: Callable[[Path], _File],
    reader: Callable[[Path, _File, float], Archive],
    max_unpacked_bytes: float,
) -> Iterator[Archive]:
    with damage_reported(path):
        file = opener(path)
    with file:
        with damage_reported(path):
            archive = reader(path, file, max_unpacked_bytes)
        yield archive
