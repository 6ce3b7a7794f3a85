"""Pictures at the resolution that they came in, drawn anew: nothing of a foreign file reaches the browser as it is."""

import hashlib
import io
import threading
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from winnow.data.archive import Archive, open_archive
from winnow.data.images import BadImage, decoding, upright_rgb
from winnow.errors import WinnowError

_MOST_PIXELS = 24_000_000  # of a picture that is sent; a larger one is made smaller
_LOSSLESS_PIXELS = 1_000_000
_KEPT = 32


class Originals:
    """Reads the files of a dataset's archive, one at a time; it stays open, for a zip's list of names is long."""

    def __init__(self, path: Path, *, max_unpacked_bytes: float) -> None:
        """Args: the archive; as of `open_archive`."""
        self._path, self._limit = path, max_unpacked_bytes
        self._lock, self._stack = threading.Lock(), ExitStack()
        self._archive: Archive | None = None
        self.picture = lru_cache(_KEPT)(self._picture)

    def _picture(self, file_name: str, bytes_sha256: str) -> tuple[bytes, str] | None:
        """The picture of a file upright in RGB, and its media type: PNG, or JPEG where it is large.

        Args:
            file_name: in the archive, as the ledger has it.
            bytes_sha256: of the file when the pipeline read it.

        Returns:
            None where the archive has gone or changed since, or cannot be read there.
        """
        try:
            with self._lock:
                if self._archive is None:
                    opened = open_archive(self._path, max_unpacked_bytes=self._limit)
                    self._archive = self._stack.enter_context(opened)
                content = self._archive.read(file_name)
            if hashlib.sha256(content).hexdigest() != bytes_sha256:
                return None
            with decoding(content, file_name=file_name):
                return _drawn(upright_rgb(content, file_name=file_name)[0])
        except (WinnowError, BadImage, KeyError, OSError):
            return None

    def close(self) -> None:
        """Close the archive."""
        with self._lock:
            self._stack.close()
            self._archive = None


def _drawn(image: Image.Image) -> tuple[bytes, str]:
    """A picture as a PNG, or as a JPEG where it is large, and the media type."""
    pixels = image.width * image.height
    if pixels > _MOST_PIXELS:
        share = (_MOST_PIXELS / pixels) ** 0.5
        image = image.resize((max(1, int(share * image.width)), max(1, int(share * image.height))))
    buffer = io.BytesIO()
    plain = Image.fromarray(np.asarray(image))  # without what came along with it: profiles, places, comments
    if pixels <= _LOSSLESS_PIXELS:
        plain.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue(), "image/png"
    plain.save(buffer, "JPEG", quality=95, subsampling="4:4:4")
    return buffer.getvalue(), "image/jpeg"
