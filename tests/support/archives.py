"""Writing the same files as a zip, a tar or a folder."""

import io
import struct
import tarfile
import zipfile


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def write_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


class _RawName(zipfile.ZipInfo):
    """An entry whose name is written as these bytes, without a word on their encoding."""

    raw = b""

    def _encodeFilenameFlags(self):
        return self.raw, self.flag_bits


def write_silent_zip(path, files, encoding):
    """A zip as old packers write it: names in `encoding`, which it does not tell."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(files.items()):
            entry = _RawName(str(number))
            entry.raw = name.encode(encoding)
            archive.writestr(entry, content)
    return path


def write_zip_of_method(path, files, method):
    """A zip that says its files were packed with a method of that number."""
    write_zip(path, files)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            struct.pack_into("<H", content, at + offset, method)
    path.write_bytes(content)
    return path
