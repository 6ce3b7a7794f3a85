"""A tar, plain or compressed."""

import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import IO

from winnow.data.readers.damage import damage_reported
from winnow.data.readers.names import Names
from winnow.errors import WinnowError

_BLOCK = 2**20


class StrictTarInfo(tarfile.TarInfo):
    """A header of a tar; a damaged one is an error, where tarfile takes it for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "StrictTarInfo":
        at = archive.fileobj.tell() if archive.fileobj is not None else 0
        try:
            return super().fromtarfile(archive)
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined] # typeshed lacks the three errors of headers
            raise tarfile.ReadError(f"it ends at byte {at:,} without a mark of its end") from None
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"{error} at byte {at:,}") from None
        except ValueError:  # text where a number belongs, as in the map of a sparse file
            raise tarfile.ReadError(f"a header that makes no sense at byte {at:,}") from None


def is_tar(header: bytes) -> bool:
    """Whether a file that begins with these 512 bytes is a tar, of any of the formats; the header's sum says so."""
    try:
        tarfile.TarInfo.frombuf(header[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def open_tar(path: Path) -> tarfile.TarFile:
    """Open a tar whose damaged headers are errors."""
    return tarfile.open(path, tarinfo=StrictTarInfo)


class TarReader:
    """Reads a tar. A hard link is the file in the archive that it names; other links are refused.

    Attributes:
        is_compressed: whether going back in it inflates it from the start again.
    """

    def __init__(self, path: Path, file: tarfile.TarFile, max_unpacked_bytes: float) -> None:
        self.label = str(path)
        self._path, self._file = path, file
        self.is_compressed = not isinstance(file.fileobj, BufferedReader)
        self._names = Names[tarfile.TarInfo](self.label, max_unpacked_bytes)
        seen: dict[str, tarfile.TarInfo] = {}
        # Headers are checked one by one, so that a compressed bomb is refused before it is inflated.
        for entry in file:
            name = self._names.checked(entry.name)
            if entry.isdir():
                self._names.add_folder(name)
                continue
            target = self._linked(entry, seen) if entry.islnk() else entry
            seen[name] = target
            if self._names.is_litter(name):
                continue
            if target.issym():
                self._names.refuse_link(entry.name)
            if not target.isreg():
                self._names.refuse_special(entry.name)
            self._names.add(name, target.size, target)
        self._require_end(max_unpacked_bytes)
        self.left_out: Mapping[str, str] = self._names.left_out

    def _linked(self, entry: tarfile.TarInfo, seen: dict[str, tarfile.TarInfo]) -> tarfile.TarInfo:
        target = seen.get(posixpath.normpath(entry.linkname))
        if target is None:
            raise WinnowError(
                f"{self.label} holds the link {entry.name!r} to {entry.linkname!r}, which is not before it in the "
                "archive; pack it again with --hard-dereference."
            )
        return target

    def _require_end(self, max_unpacked_bytes: float) -> None:
        """Refuse a tar with anything but zeros behind its end: what a second one holds would be lost."""
        file = self._file.fileobj
        assert file is not None
        file.seek(self._file.offset)
        left = max_unpacked_bytes
        while left > 0 and (block := file.read(_BLOCK)):
            left -= len(block)
            if block.strip(b"\0"):
                raise WinnowError(
                    f"{self.label} goes on behind the mark of its end, as two tars joined into one do; unpack it with "
                    "'tar --ignore-zeros' and pack it again."
                )

    def names(self) -> list[str]:
        return sorted(self._names.of)

    def size(self, name: str) -> int:
        return self._names.sizes[name]

    def empty_folders(self) -> list[str]:
        return self._names.empty_folders()

    def read(self, name: str) -> bytes:
        entry = self._names.to_read(name)
        with damage_reported(self._path):
            file: IO[bytes] | None = self._file.extractfile(entry)
            assert file is not None  # only of a folder or a special file, and neither is taken in
            with file:
                content = file.read()
            if len(content) != entry.size:
                raise EOFError(f"{name!r} is cut off")
        return content

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        # By place in the file, so that a compressed tar is inflated once.
        for name in sorted(names, key=lambda name: self._names.of[name].offset):
            yield name, self.read(name)
