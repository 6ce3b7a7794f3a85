"""What a light change of an image does to its features, and features in which that counts for less.

Within-class covariance normalisation (Hatch, Kajarekar and Stolcke, Interspeech 2006), an image and its changed self
being a class, the covariance by Ledoit and Wolf (2004): directions in which a light change moves images are shrunk.
What is left tells copies from images that are merely alike.
"""

import io

import numpy as np
from PIL import Image, ImageEnhance, ImageStat
from sklearn.covariance import ledoit_wolf_shrinkage

_CROP, _DEGREES, _LIGHT, _QUALITY = 0.15, 5.0, 0.15, (60, 95)
_LEAST_SHRINKAGE = 1e-3


def lightly_changed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """An image as a later frame, or another upload of it, might look; of the same size.

    It is turned by up to 5 degrees, a window of 85 to 100 % of its sides is cut out anywhere, brightness and contrast
    change by up to 15 %, and it is saved as a JPEG of quality 60 to 94.
    """
    mean = tuple(int(value) for value in ImageStat.Stat(image).mean)
    angle = rng.uniform(-_DEGREES, _DEGREES)
    changed = image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=mean)
    share = rng.uniform(1 - _CROP, 1)
    width, height = (share * side for side in image.size)
    left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
    changed = changed.resize(image.size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast):
        changed = enhancer(changed).enhance(rng.uniform(1 - _LIGHT, 1 + _LIGHT))
    buffer = io.BytesIO()
    changed.save(buffer, "JPEG", quality=int(rng.integers(*_QUALITY)))
    return Image.open(buffer).convert("RGB")


def shrunk_directions(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The directions of some differences, and how far each is to be shrunk.

    Args:
        differences: (M, D) float, between features of images and of their changed selves.

    Returns:
        (R, D) float32 orthonormal directions, R at most the smaller of M and D, and (R,) float32 in [0, 1), the part of
        each that is to go. Along all other directions nothing changes. What remains is the inverse square root of the
        differences' covariance, times a constant. R is 0 where nothing differs.
    """
    count, dimensions = differences.shape
    if not np.any(differences):
        return np.zeros((0, dimensions), dtype=np.float32), np.zeros(0, dtype=np.float32)
    shrinkage = max(float(ledoit_wolf_shrinkage(differences, assume_centered=True)), _LEAST_SHRINKAGE)
    _, length, directions = np.linalg.svd(differences, full_matrices=False)
    variance = length**2 / count
    everywhere = shrinkage * variance.sum() / dimensions
    part = 1 - np.sqrt(everywhere / ((1 - shrinkage) * variance + everywhere))
    return directions.astype(np.float32), part.astype(np.float32)
