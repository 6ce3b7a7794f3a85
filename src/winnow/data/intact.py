"""Damage that Pillow passes over: files that decode, but of which a part is missing or overwritten.

libjpeg paints what it cannot read grey and only warns; zlib's and PNG's check sums are not compared; the arithmetic
decoders of WebP, AVIF and JPEG 2000 make something of anything. Files without compression show no damage.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterable, Iterator

import simplejpeg
from PIL import Image, TiffImagePlugin

_MODES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_END_OF_JPEG = b"\xff\xd9"
# libjpeg's warnings of entropy-coded data; its others are of headers, and harm no pixel.
_JPEG_DAMAGE = re.compile(r"Corrupt JPEG data: (?:(\d+) extraneous bytes|.*)|Premature end of JPEG file")
_PADDING = 16  # bytes behind the picture that some cameras leave; damage leaves more
# An interrupted download or a lost sector leaves hundreds of these; sound AVIF and JPEG 2000 have no such runs.
_FILLINGS = (bytes(64), b"\xff" * 64)
_DEFLATE, _JPEG_IN_TIFF = (8, 32946), 7
_CRITICAL = b"IHDR", b"PLTE", b"IDAT"


def damage(image_bytes: bytes, image: Image.Image) -> str:
    """What shows that an image is not whole.

    Args:
        image_bytes: a file that Pillow decodes without an error.
        image: as Pillow opened it.

    Returns:
        In words, "" if nothing shows damage.
    """
    match image.format:
        case "JPEG" | "MPO":
            return _jpeg(image_bytes, image.mode)
        case "PNG":
            return _png(image_bytes)
        case "WEBP":
            return _webp(image_bytes, image)
        case "AVIF":
            return _coded(_boxes(image_bytes, b"mdat"))
        case "JPEG2000":
            return _coded([image_bytes] if image_bytes.startswith(b"\xff\x4f") else _boxes(image_bytes, b"jp2c"))
        case "TIFF":
            return _tiff(image_bytes, image)
    return ""


def _jpeg(image_bytes: bytes, mode: str) -> str:
    if mode not in _MODES:
        return ""
    try:
        # An eighth of the size saves the transforms; all of the coded data are read.
        simplejpeg.decode_jpeg(image_bytes, _MODES[mode], min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        words = str(error)
        found = _JPEG_DAMAGE.match(words)
        if found is None or int(found[1] or _PADDING + 1) <= _PADDING:
            return ""
        whole = image_bytes.rstrip(b"\0") + _END_OF_JPEG
        if words.startswith("Premature") and len(whole) != len(image_bytes) and not image_bytes.endswith(_END_OF_JPEG):
            return _jpeg(whole, mode)  # only the mark of the end is missing, as in frames of some cameras
        return words.removeprefix("Corrupt JPEG data: ")
    return ""


def _png(image_bytes: bytes) -> str:
    at = 8
    while at + 12 <= len(image_bytes):
        size, kind = struct.unpack_from(">L4s", image_bytes, at)
        content = memoryview(image_bytes)[at + 4 : at + 8 + size]
        at += 12 + size
        if kind == b"IEND" or at > len(image_bytes):
            break
        if kind in _CRITICAL and zlib.crc32(content) != struct.unpack_from(">L", image_bytes, at - 4)[0]:
            return f"the check sum of a chunk {kind.decode()} is wrong"
    return ""


def _tiff(image_bytes: bytes, image: Image.Image) -> str:
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    tags = image.tag_v2
    places = zip(tags.get(273) or tags.get(324) or (), tags.get(279) or tags.get(325) or (), strict=False)
    parts = (image_bytes[start : start + size] for start, size in places)
    if tags.get(259) == _JPEG_IN_TIFF:
        tables = tags.get(347, b"")[:-2]
        found = (_jpeg(tables + part[2:] if tables else part, image.mode) for part in parts)
        return next((words for words in found if words), "")
    return "a strip does not unpack" if tags.get(259) in _DEFLATE and not all(map(_unpacks, parts)) else ""


def _unpacks(part: bytes) -> bool:
    try:
        zlib.decompress(part)
    except zlib.error:
        return False
    return True


def _coded(parts: Iterable[bytes]) -> str:
    return "part of it is overwritten" if any(filling in part for part in parts for filling in _FILLINGS) else ""


def _webp(image_bytes: bytes, image: Image.Image) -> str:
    """Runs of zeros are in sound WebPs too, where the picture is plain; but then the last of them matter, while a
    picture that was overwritten is done before."""
    for start, end in _webp_pictures(image_bytes):
        part = image_bytes[start:end]
        if not _coded([part]):
            continue
        last = max(8, (len(part) - len(part.rstrip(b"\0"))) // 4)
        changed = image_bytes[: end - last] + bytes(byte ^ 0x5A for byte in part[-last:]) + image_bytes[end:]
        try:
            with Image.open(io.BytesIO(changed), formats=["WEBP"]) as other:
                if other.tobytes() == image.tobytes():
                    return "part of it is overwritten"
        except (OSError, ValueError):
            continue
    return ""


def _webp_pictures(image_bytes: bytes) -> Iterator[tuple[int, int]]:
    """Where the coded data of the first picture begin and end."""
    at = 12
    while at + 8 <= len(image_bytes):
        kind, size = struct.unpack_from("<4sL", image_bytes, at)
        if kind in (b"VP8 ", b"VP8L"):
            yield at + 8, min(at + 8 + size, len(image_bytes))
            return
        at += 24 if kind == b"ANMF" else 8 + size + size % 2


def _boxes(image_bytes: bytes, wanted: bytes) -> Iterator[bytes]:
    """Contents of the boxes of one kind in an ISO base media file."""
    at = 0
    while at + 8 <= len(image_bytes):
        size, kind = struct.unpack_from(">L4s", image_bytes, at)
        header = 8
        if size == 1 and at + 16 <= len(image_bytes):
            size, header = struct.unpack_from(">Q", image_bytes, at + 8)[0], 16
        end = len(image_bytes) if size == 0 else at + size
        if kind == wanted:
            yield image_bytes[at + header : end]
        if size < header and size != 0:
            return
        at = end
