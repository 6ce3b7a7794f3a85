"""Which pictures are the same, whatever files they are in."""

import hashlib

import numpy as np
from PIL import Image


def pixel_digest(image: Image.Image) -> str:
    """Equal for images with the same size and grey levels, whatever file they are in."""
    pixels = np.asarray(image.convert("L"))
    return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()
