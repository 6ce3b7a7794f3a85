"""What foreign archives, and the annotations in them, make the libraries raise that read them, in one sentence."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from winnow.errors import WinnowError, first_sentence

_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError),
    *(UnicodeDecodeError, OverflowError, struct.error),
)
# What code meets that goes by a format, where a file is of another shape.
_SHAPE = (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn what the standard library raises on a broken archive into a WinnowError."""
    try:
        yield
    except _DAMAGE as error:
        cause = str(error).partition("\n")[0].rstrip(":.") or type(error).__name__
        raise WinnowError(f"{path} is damaged or incomplete ({cause}); download or pack it again.") from None


@contextmanager
def shape_reported(what: str, form: str) -> Iterator[None]:
    """Turn what goes wrong in reading a file by its format into a WinnowError.

    Args:
        what: the file, and where it is.
        form: what it should be.
    """
    try:
        yield
    except _SHAPE as error:
        if isinstance(error, KeyError):
            cause = f"{error} is missing"
        elif isinstance(error, RecursionError):
            cause = "it is nested too deeply"
        else:
            cause = first_sentence(error).rstrip(".")
        raise WinnowError(f"{what} is not {form} ({cause}); correct it there.") from None
