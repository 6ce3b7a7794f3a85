"""Images as they come: decoded, checked, and repaired if they are not RGB JPEGs of the right size."""

import io
import struct
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from winnow.cores import cores
from winnow.data.budget import Budget
from winnow.data.foreign import RAW, what_it_is
from winnow.data.intact import damage
from winnow.row_groups import Mapped, Values

# What Pillow warns of is no fault of the picture, or found by `damage`; a line for each would bury the rest.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# No EPS and the like: their decoders start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM", "PCX", "QOI", "SGI")
_NAMED_TGA = (".tga", ".icb", ".vda", ".vst")  # nothing in a TGA says that it is one
_ORIENTATION, _SUBFILE_TYPE, _DNG_VERSION = 0x0112, 254, 50706
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
# The system takes back what was allocated in blocks of more than 32 MiB; smaller ones stay with the thread.
Image.core.set_block_size(2**26)  # type: ignore[attr-defined]
# A pixel takes up to 12 bytes on the way, so this is 1.6 GB for all threads together, whatever the pictures' sizes.
_IN_FLIGHT = Budget(2**27)
_FAINT = 32  # of 255: a drawing on white whose darkest point is no darker than this is lost on it

CONVERSIONS = frozenset({"format", "size", "palette", "grey", "cmyk", "16-bit", "colour-space"})
"""Of what `Decoded.repairs` names, that which mends no fault: the same picture in another form."""


class BadImage(Exception):
    """An image that cannot be used.

    Attributes:
        reason: `does-not-decode`, `truncated` (the file ends too early) or `damaged` (it decodes, but not whole).
        detail: in words.
    """

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
            (laid on white), `alpha-on-black` (laid on black, since it is as good as invisible on white), `16-bit` (or
            more than 16), `colour-space`, `size`; empty for an image that needed nothing.
        image_bytes: the bytes as they came, or the repaired image as JPEG of quality 95 without chroma subsampling.
    """

    pixels: np.ndarray
    width: int
    height: int
    repairs: tuple[str, ...]
    image_bytes: bytes


def read_image(image_bytes: bytes, *, image_size: int | None, file_name: str = "") -> Decoded:
    """Decode an image of any kind and repair it if need be.

    Args:
        image_bytes: a JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, JPEG 2000, PPM, PGM, PBM, PCX, QOI, SGI or TGA file (the
            first frame counts).
        image_size: side in pixels; images of another size are resized whole, without regard to their proportions,
            so that nothing is cut off. None leaves each at its own size.
        file_name: what the file is called. The content decides what it is, but a TGA is taken for one by its name.

    Raises:
        BadImage: if the bytes are no such image, are cut off or damaged, or hold so many pixels that decoding them
            would be unsafe (`PIL.Image.MAX_IMAGE_PIXELS`).
    """
    with decoding(image_bytes, file_name=file_name):
        image, width, height, repairs = upright_rgb(image_bytes, file_name=file_name)
        if image_size is not None and image.size != (image_size, image_size):
            repairs.append("size")
            image = image.resize((image_size, image_size), Image.Resampling.LANCZOS)
    if repairs:
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(image)).save(buffer, format="JPEG", quality=95, subsampling="4:4:4")
        image_bytes = buffer.getvalue()
        image = Image.open(io.BytesIO(image_bytes))
    return Decoded(np.asarray(image), width, height, tuple(repairs), image_bytes)


def resized_bytes(image_bytes: Values, *, image_size: int | None) -> Values:
    """Encoded images brought to one size when rows are asked for, as `read_image` brings them there.

    Args:
        image_bytes: (N,) images that `read_image` has accepted.
        image_size: side in pixels; None where they have one size already and stay as they are.
    """

    def resize(some: np.ndarray) -> np.ndarray:
        resized = np.empty(len(some), dtype=object)
        with ThreadPoolExecutor(cores()) as pool:
            resized[:] = list(pool.map(lambda one: read_image(one, image_size=image_size).image_bytes, some))
        return resized

    return image_bytes if image_size is None else Mapped(image_bytes, resize)


@contextmanager
def decoding(image_bytes: bytes, *, file_name: str = "") -> Iterator[None]:
    """Wait until the pixels of an image fit in beside those that other threads decode; they count until the block ends.

    `read_image` does so by itself; whoever calls `upright_rgb` from several threads does it around that.
    """
    with _IN_FLIGHT.hold(_pixels(image_bytes, file_name)):
        yield


def _pixels(image_bytes: bytes, file_name: str) -> int:
    """How many pixels a file says that it holds; 0 where it is no image, or one that is refused for its size."""
    try:
        with Image.open(io.BytesIO(image_bytes), formats=_formats(file_name)) as image:
            return image.width * image.height
    except Exception:  # noqa: BLE001 (parsers raise whatever they stumble over; who decodes the image says so)
        return 0


def is_image(content: bytes, *, file_name: str = "") -> bool:
    """Whether a file begins like one that `read_image` decodes; it may be damaged behind."""
    try:
        Image.open(io.BytesIO(content), formats=_formats(file_name)).close()
    except Exception:  # noqa: BLE001 (parsers raise whatever they stumble over)
        return False
    return True


def upright_rgb(image_bytes: bytes, *, file_name: str = "") -> tuple[Image.Image, int, int, list[str]]:
    """Decode an image of any kind at its own size, upright and in 8-bit RGB.

    Returns:
        The image, its width and height as it came, and what had to be changed, as `Decoded` names it.

    Raises:
        BadImage: as `read_image` does.
    """
    image = _opened(image_bytes, file_name)
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


def _opened(image_bytes: bytes, file_name: str) -> Image.Image:
    """Open and fully decode, with every way to fail turned into BadImage."""
    try:
        image = Image.open(io.BytesIO(image_bytes), formats=_formats(file_name))
        if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS:
            raise BadImage("does-not-decode", f"{image.width} x {image.height} pixels are too many to decode safely")
        if isinstance(image, TiffImagePlugin.TiffImageFile) and _is_raw(image):
            raise BadImage("does-not-decode", RAW)
        image.load()
    except BadImage:
        raise
    except Image.DecompressionBombError:
        raise BadImage("does-not-decode", "too many pixels to decode safely") from None
    except UnidentifiedImageError:
        if not image_bytes.strip(b"\0"):
            raise BadImage(
                "truncated", "the file holds nothing but zeros" if image_bytes else "the file is empty"
            ) from None
        raise BadImage("does-not-decode", what_it_is(image_bytes)) from None
    # Decoders of damaged files raise whatever their parsing stumbles over; one bad image must not end the run.
    except Exception as error:  # noqa: BLE001
        words = str(error) or type(error).__name__
        reason = "truncated" if "truncated" in words.lower() else "does-not-decode"
        raise BadImage(reason, words) from None
    if words := damage(image_bytes, image):
        raise BadImage("damaged", words)
    return image


def _formats(file_name: str) -> tuple[str, ...]:
    return (*_FORMATS, "TGA") if file_name.lower().endswith(_NAMED_TGA) else _FORMATS


def _is_raw(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether the first picture in a TIFF is the preview of a larger one, or the file is a digital negative."""
    return bool(image.tag_v2.get(_SUBFILE_TYPE, 0) & 1) or _DNG_VERSION in image.tag_v2


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
        image, ground = _without_alpha(image if image.mode == "RGBA" else image.convert("RGBA"))
        repairs.append(ground)
    return (image if image.mode == "RGB" else image.convert("RGB")), repairs


def _without_alpha(image: Image.Image) -> tuple[Image.Image, str]:
    """An RGBA image laid on white, or on black where that leaves nothing to see, and the repair's name. Where all of it
    is transparent, the channel says nothing, and the colours count."""
    if image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB"), "alpha"
    on_white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    darkest = np.min(on_white.convert("L").getextrema())
    if image.getchannel("A").getextrema() != (255, 255) and darkest > 255 - _FAINT:
        on_black = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
        if np.max(on_black.convert("L").getextrema()) >= _FAINT:
            return on_black, "alpha-on-black"
    return on_white, "alpha"


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """(H, W) uint8 of deeper values. The file does not say how far they go: 0 is black, and white is the end of the
    least usual depth that holds them all (1 for fractions, else 8, 10, 12 or 16 bits, else the brightest value)."""
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0).clip(min=0)
    brightest = values.max()
    fraction = brightest <= 1 and not (values == values.round()).all()
    ends = [1] if fraction else [2**bits - 1 for bits in (8, 10, 12, 16)]
    white = next((end for end in ends if brightest <= end), brightest)
    return np.round(values * (255 / white)).astype(np.uint8)
