"""Errors of zipfile, tarfile and the decompressors below them, in one sentence."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from winnow.errors import WinnowError

_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError),
    *(UnicodeDecodeError, OverflowError, struct.error),
)


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn what the standard library raises on a broken archive into a WinnowError."""
    try:
        yield
    except _DAMAGE as error:
        cause = str(error).partition("\n")[0].rstrip(":.") or type(error).__name__
        raise WinnowError(f"{path} is damaged or incomplete ({cause}); download or pack it again.") from None
