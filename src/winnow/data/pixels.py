"""Decoded images in batches: what needs pixels reads them like an array, and no more than a batch is ever held."""

import io
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from PIL import Image

from winnow.data.decode import decode_pixels
from winnow.row_groups import Joined, Values

BATCH_BYTES = 2**25
"""Most bytes of pixels in a batch: 2,730 images of 64 pixels a side, 222 of 224."""


class DecodedPixels:
    """N images of one size that read like an (N, H, W, 3) uint8 array and are decoded when rows are asked for.

    Attributes:
        shape: (N, H, W, 3).
        dtype: uint8.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, image_bytes: Values) -> None:
        """Args: (N,) encoded images, all RGB squares of one size, as `decode.read_image` leaves them."""
        self._image_bytes = image_bytes
        side = Image.open(io.BytesIO(image_bytes[:1][0])).width if len(image_bytes) else 0
        self.shape = (len(image_bytes), side, side, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """(M, H, W, 3) uint8 of these positions, a slice or (M,) int; an image that occurs often is decoded once.

        Raises:
            ValueError: if an image is of another size than the first, or not RGB.
        """
        if isinstance(rows, slice):
            return decode_pixels(self._image_bytes[rows], image_size=self.shape[1])
        distinct, position = np.unique(rows, return_inverse=True)
        pixels = decode_pixels(self._image_bytes[distinct], image_size=self.shape[1])
        return pixels if np.array_equal(distinct, rows) else pixels[position]


Pixels: TypeAlias = np.ndarray | DecodedPixels | Joined
"""(N, H, W, 3) uint8: an array, images that are decoded when rows are asked for, or several of these joined."""


def batch_length(pixels: Pixels) -> int:
    """How many of these images `BATCH_BYTES` holds, at least one."""
    return max(1, BATCH_BYTES // max(int(np.prod(pixels.shape[1:])), 1))


def batches(pixels: Pixels, *, size: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Go through images in batches.

    Args:
        pixels: (N, H, W, 3) uint8.
        size: images per batch; None for as many as `BATCH_BYTES` holds.

    Yields:
        The batch's rows, and its (B, H, W, 3) uint8 pixels; the last batch may be smaller.
    """
    size = size or batch_length(pixels)
    for start in range(0, len(pixels), size):
        rows = slice(start, min(start + size, len(pixels)))
        yield rows, pixels[rows]
