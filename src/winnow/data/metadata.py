"""What a picture says beside its pixels: where it was taken, when, and with what."""

import io
import re
import struct

from PIL import ExifTags, Image

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
_START, _END, _SCAN, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP2, _APP14 = 0xE0, 0xE2, 0xEE
_WITHOUT_LENGTH = {0x01, _START, *range(0xD0, 0xD8)}
_PIXELS_NEED = {_APP0: b"JFIF\0", _APP2: b"ICC_PROFILE\0", _APP14: b"Adobe"}  # how colours are meant
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # the others stand within a picture's coded data


def without_metadata(jpeg: bytes) -> bytes:
    """A JPEG without EXIF, XMP, IPTC, comments, further pictures and whatever follows its end; the same pixels."""
    kept, at = [jpeg[:2]], 2
    while (found := _MARKER.search(jpeg, at)) is not None:
        kind, start = jpeg[found.end() - 1], found.end() - 2
        if kind == _END:
            kept.append(jpeg[start : found.end()])
            break
        if kind in _WITHOUT_LENGTH or found.end() + 2 > len(jpeg):
            at = found.end()
            continue
        at = found.end() + struct.unpack_from(">H", jpeg, found.end())[0]
        if kind == _SCAN:
            following = _MARKER.search(jpeg, at)
            at = following.start() if following else len(jpeg)
        content = jpeg[found.end() + 2 : at]
        about_pixels = kind not in range(_APP0, 0xF0) or content.startswith(_PIXELS_NEED.get(kind, b"\0none"))
        if about_pixels and kind != _COMMENT:
            kept.append(jpeg[start:at])
    return b"".join(kept)


def is_located(image_bytes: bytes) -> bool:
    """Whether a picture's EXIF says where it was taken (GPS); False where it cannot be read."""
    try:
        with Image.open(io.BytesIO(image_bytes), formats=_FORMATS) as image:
            return bool(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:  # noqa: BLE001 (parsers raise whatever they stumble over)
        return False
