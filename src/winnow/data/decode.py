"""Decoding images, and repairing those that are not RGB JPEGs of the right size."""

import io
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

# No EPS and the like: their decoders start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_ORIENTATION = 0x0112
# What undoes each EXIF orientation. PIL's own `exif_transpose` also rewrites the other camera data, and fails if they
# are damaged.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_CHUNK = 64


class BadImage(Exception):
    """An image that cannot be used: `reason` is `does-not-decode` or `truncated`, `detail` is in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Decoded:
    """An image that can be used.

    Attributes:
        pixels: (H, W, 3) uint8, exactly what `image_bytes` decodes to.
        width, height: as the image came, before rotation and resizing.
        repairs: what had to be changed, of `format` (not a JPEG), `exif-rotation`, `palette`, `grey`, `cmyk`, `alpha`
            (laid on white), `16-bit` (or more than 16), `colour-space`, `size`; empty for an image that needed nothing.
        image_bytes: the bytes as they came, or the repaired image as JPEG of quality 95 without chroma subsampling.
    """

    pixels: np.ndarray
    width: int
    height: int
    repairs: tuple[str, ...]
    image_bytes: bytes


def read_image(image_bytes: bytes, *, image_size: int) -> Decoded:
    """Decode an image from outside and repair it if need be.

    Args:
        image_bytes: a JPEG, PNG, WebP, BMP, GIF or TIFF file (the first frame counts).
        image_size: side in pixels; images of another size are resized whole, without regard to their proportions,
            so that nothing is cut off.

    Raises:
        BadImage: if the bytes are no such image, are cut off, or hold so many pixels that decoding them would be
            unsafe (`PIL.Image.MAX_IMAGE_PIXELS`).
    """
    image, width, height, repairs = upright_rgb(image_bytes)
    if image.size != (image_size, image_size):
        repairs.append("size")
        image = image.resize((image_size, image_size), Image.Resampling.LANCZOS)
    if repairs:
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(image)).save(buffer, format="JPEG", quality=95, subsampling="4:4:4")
        image_bytes = buffer.getvalue()
        image = Image.open(io.BytesIO(image_bytes))
    return Decoded(np.asarray(image), width, height, tuple(repairs), image_bytes)


def upright_rgb(image_bytes: bytes) -> tuple[Image.Image, int, int, list[str]]:
    """Decode an image from outside, at its own size, upright and in 8-bit RGB.

    Returns:
        The image, its width and height as it came, and what had to be changed, as `Decoded` names it.

    Raises:
        BadImage: as `read_image` does.
    """
    image = _opened(image_bytes)
    width, height = image.size
    repairs = []
    if image.format not in ("JPEG", "MPO"):  # MPO is a JPEG with further views after it, as phones write them
        repairs.append("format")
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        orientation = 1  # damaged camera data are no fault of the picture
    if orientation in _UPRIGHT:
        repairs.append("exif-rotation")
        image = image.transpose(_UPRIGHT[orientation])
    image, mode_repairs = _as_rgb(image)
    return image, width, height, repairs + mode_repairs


def _opened(image_bytes: bytes) -> Image.Image:
    """Open and fully decode, with every way to fail turned into BadImage."""
    try:
        image = Image.open(io.BytesIO(image_bytes), formats=_FORMATS)
        if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS:
            raise BadImage("does-not-decode", f"{image.width} x {image.height} pixels are too many to decode safely")
        image.load()
    except BadImage:
        raise
    except Image.DecompressionBombError:
        raise BadImage("does-not-decode", "too many pixels to decode safely") from None
    except UnidentifiedImageError:
        if not image_bytes:
            raise BadImage("truncated", "the file is empty") from None
        raise BadImage("does-not-decode", "not a JPEG, PNG, WebP, BMP, GIF or TIFF image") from None
    # Decoders of damaged files raise whatever their parsing stumbles over; one bad image must not end the run.
    except Exception as error:  # noqa: BLE001
        words = str(error) or type(error).__name__
        reason = "truncated" if "truncated" in words.lower() else "does-not-decode"
        raise BadImage(reason, words) from None
    return image


def _as_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The image in RGB, and the repairs that took."""
    repairs = []
    mode = image.mode
    if mode in ("P", "PA"):
        repairs.append("palette")
    elif mode in ("1", "L", "LA", "La"):
        repairs.append("grey")
    elif mode == "CMYK":
        repairs.append("cmyk")
    elif mode == "F" or mode.startswith("I"):
        repairs += ["colour-space" if mode == "F" else "16-bit", "grey"]
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    elif mode not in ("RGB", "RGBA", "RGBa"):
        repairs.append("colour-space")
    if image.has_transparency_data:
        repairs.append("alpha")
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return (image if image.mode == "RGB" else image.convert("RGB")), repairs


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """(H, W) uint8 of deeper values. The file does not say how far they go: 0 is black, and white is the end of the
    least usual depth that holds them all (1 for fractions, else 8, 10, 12 or 16 bits, else the brightest value)."""
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0).clip(min=0)
    brightest = values.max()
    fraction = brightest <= 1 and not (values == values.round()).all()
    ends = [1] if fraction else [2**bits - 1 for bits in (8, 10, 12, 16)]
    white = next((end for end in ends if brightest <= end), brightest)
    return np.round(values * (255 / white)).astype(np.uint8)


def decode_pixels(
    image_bytes: Sequence[bytes] | np.ndarray, *, image_size: int, workers: int | None = None
) -> np.ndarray:
    """Decode images that `read_image` has accepted.

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

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        list(pool.map(decode, range(0, len(image_bytes), _CHUNK)))
    return pixels
