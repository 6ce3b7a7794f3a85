"""Small pictures as image files."""

import io

import numpy as np
from PIL import Image

SIZE = 16


def picture(seed=0, *, mode="RGB", size=(SIZE, SIZE), form="JPEG", **options):
    """A smooth random picture as an image file."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).convert(mode).save(buffer, format=form, **options)
    return buffer.getvalue()
