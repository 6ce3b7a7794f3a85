"""Decoding images that were accepted."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from winnow.cores import cores

_CHUNK = 64


def decode_pixels(
    image_bytes: Sequence[bytes] | np.ndarray, *, image_size: int, workers: int | None = None
) -> np.ndarray:
    """Decode images that `winnow.data.images.read_image` has accepted.

    Args:
        image_bytes: N encoded images, RGB and of the right size.
        image_size: side in pixels.
        workers: threads; None for one per core.

    Returns:
        (N, image_size, image_size, 3) uint8.

    Raises:
        ValueError: if an image is not RGB or not of that size: it has not been through `read_image`.
    """
    pixels = np.empty((len(image_bytes), image_size, image_size, 3), dtype=np.uint8)

    def decode(start: int) -> None:
        for row in range(start, min(start + _CHUNK, len(image_bytes))):
            image = Image.open(io.BytesIO(image_bytes[row]))
            if image.mode != "RGB" or image.size != (image_size, image_size):
                raise ValueError(f"image {row} is {image.mode} {image.size}, not RGB {(image_size, image_size)}")
            pixels[row] = np.asarray(image)

    with ThreadPoolExecutor(workers or cores()) as pool:
        list(pool.map(decode, range(0, len(image_bytes), _CHUNK)))
    return pixels


def resized_pixels(image_bytes: Sequence[bytes] | np.ndarray, *, image_size: int) -> np.ndarray:
    """Decode images of any size and bring them to one, whole and without regard to their proportions.

    A JPEG is decoded no larger than twice the size that is asked for, as its format allows for; what that leaves out
    no resizing would have kept.

    Args:
        image_bytes: N encoded RGB images.
        image_size: side in pixels.

    Returns:
        (N, image_size, image_size, 3) uint8.
    """
    pixels = np.empty((len(image_bytes), image_size, image_size, 3), dtype=np.uint8)

    def decode(row: int) -> None:
        image = Image.open(io.BytesIO(image_bytes[row]))
        image.draft("RGB", (2 * image_size, 2 * image_size))
        pixels[row] = np.asarray(image.resize((image_size, image_size), Image.Resampling.LANCZOS))

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(decode, range(len(image_bytes))))
    return pixels


def reduced_bytes(image_bytes: bytes, *, longest: int) -> bytes:
    """An encoded RGB image as a JPEG of at most `longest` pixels a side; its bytes as they are if it is no longer."""
    with Image.open(io.BytesIO(image_bytes)) as image:
        if max(image.size) <= longest:
            return image_bytes
        image.thumbnail((longest, longest))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def own_pixels(image_bytes: bytes, *, longest: int | None = None) -> np.ndarray:
    """Decode an image at its own size.

    Args:
        image_bytes: an encoded RGB image.
        longest: a longer image is reduced to it, in its proportions; None reduces none.

    Returns:
        (H, W, 3) uint8.
    """
    image: Image.Image = Image.open(io.BytesIO(image_bytes))
    if longest is not None:
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(image)
