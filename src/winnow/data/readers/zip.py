"""A zip."""

import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from winnow.data.readers.damage import damage_reported
from winnow.data.readers.names import Names
from winnow.data.readers.zip_names import guess_encoding, raw, silent, unicode_path
from winnow.errors import WinnowError

_FILE = b"PK\x03\x04"  # what each file begins with
_LENGTHS = 26  # bytes of it before the lengths of its name and extra field
_DESCRIPTOR = 24  # most bytes behind its content that belong to it
_READ = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES"}


class ZipReader:
    """Reads a zip."""

    def __init__(self, path: Path, file: zipfile.ZipFile, max_unpacked_bytes: float) -> None:
        self.label = str(path)
        self._path, self._file = path, file
        self._names = Names[zipfile.ZipInfo](self.label, max_unpacked_bytes)
        entries = file.infolist()
        self._require_whole(entries)
        own_names = self._own_names(entries)
        for entry in entries:
            raw_name = own_names.get(entry.orig_filename, entry.orig_filename)
            name = self._names.checked(raw_name)
            if entry.is_dir() or raw_name.endswith("\\"):
                self._names.add_folder(name)
                continue
            if self._names.is_litter(name):
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                self._names.refuse_link(raw_name)
            if entry.flag_bits & 0x1:
                raise WinnowError(f"{path} is encrypted ({name!r}); pack it again without a password.")
            if entry.compress_type not in _READ:
                self._refuse_method(name, entry.compress_type)
            self._names.add(name, entry.file_size, entry)
        self.left_out: Mapping[str, str] = self._names.left_out

    def _require_whole(self, entries: list[zipfile.ZipInfo]) -> None:
        """Refuse a zip whose list of contents is not of all that it holds."""
        with self._path.open("rb") as file:
            begins_with_a_file = file.read(4) == _FILE
            if begins_with_a_file and all(entry.header_offset > 0 for entry in entries):
                raise WinnowError(
                    f"{self.label} holds files before the first that its list of contents names, as two zips joined "
                    "into one do; unpack both and pack their files together."
                )
            entries = sorted(entries, key=lambda entry: entry.header_offset)
            starts = [*(entry.header_offset for entry in entries[1:]), self._file.start_dir]
            for entry, following in zip(entries, starts, strict=False):
                file.seek(entry.header_offset + _LENGTHS)
                end = file.tell() + 4 + sum(struct.unpack("<HH", file.read(4))) + entry.compress_size
                file.seek(end)
                place = file.read(_DESCRIPTOR + len(_FILE)).find(_FILE)
                if place >= 0 and end + place != following:
                    raise WinnowError(
                        f"{self.label} holds a file behind {entry.filename!r} that its list of contents does not name; "
                        "repair the list ('zip -FF damaged.zip --out whole.zip') or pack it again."
                    )

    def _own_names(self, entries: list[zipfile.ZipInfo]) -> dict[str, str]:
        """The names of entries that do not say how they are encoded, by what zipfile makes of them."""
        names = {entry.orig_filename: unicode_path(entry) for entry in entries if silent(entry)}
        unknown = [entry for entry in entries if silent(entry) and names[entry.orig_filename] is None]
        encoding = guess_encoding(raw(entry) for entry in unknown) if unknown else "utf-8"
        if encoding is None:
            raise WinnowError(
                f"{self.label} does not say how its names are encoded, and {raw(unknown[0])!r} can be read in several "
                "ways, or in none that makes sense; pack it again with names in UTF-8 (7-Zip: -mcu=on), or as a tar."
            )
        names |= {entry.orig_filename: raw(entry).decode(encoding) for entry in unknown}
        return {name: own for name, own in names.items() if own is not None}

    def _refuse_method(self, name: str, method: int) -> None:
        called = _METHODS.get(method, f"the method {method}")
        cause = " (Windows does so with files over 2 GB)" if called == "Deflate64" else ""
        raise WinnowError(
            f"{self.label} is sound, but {name!r} is packed with {called}{cause}, which winnow cannot unpack; pack it "
            "again with the method Deflate, or as a tar."
        )

    def names(self) -> list[str]:
        return sorted(self._names.of)

    def size(self, name: str) -> int:
        return self._names.sizes[name]

    def empty_folders(self) -> list[str]:
        return self._names.empty_folders()

    def read(self, name: str) -> bytes:
        entry = self._names.to_read(name)
        # A size is passed because `read()` without one inflates all there is before it looks at the declared size.
        opened: AbstractContextManager[IO[bytes]]
        with damage_reported(self._path), self._file.open(entry) as opened:
            content = opened.read(entry.file_size)
        if len(content) != entry.file_size:
            raise WinnowError(
                f"{self._path} is damaged or incomplete ({name!r} is cut off); download or pack it again."
            )
        return content

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((name, self.read(name)) for name in names)
