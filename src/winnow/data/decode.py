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
