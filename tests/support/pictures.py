"""Small pictures as image files."""

import io

import numpy as np
from PIL import ExifTags, Image, ImageCms

SIZE = 16
CAMERA = "a camera that nobody should know of"


def picture(seed=0, *, mode="RGB", size=(SIZE, SIZE), form="JPEG", **options):
    """A smooth random picture as an image file."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).convert(mode).save(buffer, format=form, **options)
    return buffer.getvalue()


def located(**options) -> bytes:
    """A JPEG with GPS, the camera's name, XMP, a comment and a colour profile."""
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = CAMERA
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 8.0, 0.0)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(pixels).save(
        buffer, "JPEG", exif=exif, comment=CAMERA, icc_profile=profile, xmp=f"<x>{CAMERA}</x>".encode(), **options
    )
    return buffer.getvalue()
