"""Decoded images in batches: what needs pixels reads them like an array, and no more than a batch is ever held."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from PIL import Image

from winnow.cores import cores
from winnow.data.decode import decode_pixels, own_pixels, resized_pixels
from winnow.row_groups import Joined, Values

BATCH_BYTES = 2**25
"""Most bytes of pixels in a batch: 2,730 images of 64 pixels a side, 222 of 224."""
_OWN = 16  # images decoded at their own size at once


def resized_to(image_size: int | None, train_size: int) -> int | None:
    """The side that `DecodedPixels` brings a dataset's images to: of `data.image_size` and `data.train_size` the latter
    where the images are at their own size, None where they have one size already."""
    return train_size if image_size is None else None


class DecodedPixels:
    """N images that read like an (N, H, W, 3) uint8 array and are decoded when rows are asked for.

    Attributes:
        shape: (N, H, W, 3).
        dtype: uint8.
        own_size: whether the images have sizes of their own, and are brought to H and W as they are decoded.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, image_bytes: Values, *, resized_to: int | None = None) -> None:
        """Args:
        image_bytes: (N,) encoded RGB images, as `images.read_image` leaves them.
        resized_to: the side that images of any size are brought to; None where all are squares of one size.
        """
        self._image_bytes, self.own_size = image_bytes, resized_to is not None
        side = resized_to or (Image.open(io.BytesIO(image_bytes[:1][0])).width if len(image_bytes) else 0)
        self.shape = (len(image_bytes), side, side, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """(M, H, W, 3) uint8 of these positions, a slice or (M,) int; an image that occurs often is decoded once.

        Raises:
            ValueError: if images of one size are expected, and one is of another than the first, or not RGB.
        """
        decode = resized_pixels if self.own_size else decode_pixels
        if isinstance(rows, slice):
            return decode(self._image_bytes[rows], image_size=self.shape[1])
        distinct, position = np.unique(rows, return_inverse=True)
        pixels = decode(self._image_bytes[distinct], image_size=self.shape[1])
        return pixels if np.array_equal(distinct, rows) else pixels[position]

    def at(self, side: int) -> "DecodedPixels":
        """The same images, those of their own size brought from it to another side; others stay as they are."""
        return DecodedPixels(self._image_bytes, resized_to=side) if self.own_size else self

    def own(self, rows: np.ndarray, *, longest: int | None = None) -> Iterator[np.ndarray]:
        """Each of these positions, (M,) int, as (H, W, 3) uint8 at its own size, reduced to `longest` where it is."""
        with ThreadPoolExecutor(cores()) as pool:
            for start in range(0, len(rows), _OWN):
                encoded = self._image_bytes[rows[start : start + _OWN]]
                yield from pool.map(lambda image: own_pixels(image, longest=longest), encoded)


Pixels: TypeAlias = np.ndarray | DecodedPixels | Joined
"""(N, H, W, 3) uint8: an array, images that are decoded when rows are asked for, or several of these joined."""


def at_side(pixels: Pixels, side: int) -> Pixels:
    """Images of their own size brought to `side`, for what resizes to it anyway; others stay as they are."""
    return pixels.at(side) if isinstance(pixels, DecodedPixels) else pixels


def one_by_one(pixels: Pixels, *, longest: int) -> Iterator[np.ndarray]:
    """Every image by itself, (H, W, 3) uint8: one of its own size in its proportions, at most `longest` pixels long."""
    if isinstance(pixels, DecodedPixels) and pixels.own_size:
        yield from pixels.own(np.arange(len(pixels)), longest=longest)
    else:
        for _, batch in batches(pixels):
            yield from batch


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
