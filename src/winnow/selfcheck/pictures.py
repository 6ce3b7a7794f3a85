"""The pictures that are planted: foreign ones, and copies of the user's own. All (H, W, 3) uint8, squares."""

import io
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

_PATCHES = 4  # a side
_CANDIDATES = 4  # of which the crop with most contrast is taken: sky and lawn show nothing
_MOST_SHIFT = 0.03  # of the side

Picture = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def shuffled_crop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the image, half to three quarters of its side, cut into sixteen patches and put together anyhow."""
    size = len(image)
    part = _random_crop(image, round(size * rng.uniform(0.5, 0.75)), rng)
    patch = -(-size // _PATCHES)
    whole = _resized(part, patch * _PATCHES).reshape(_PATCHES, patch, _PATCHES, patch, 3).swapaxes(1, 2)
    mixed = rng.permutation(whole.reshape(-1, patch, patch, 3)).reshape(whole.shape)
    return _encoded(mixed.swapaxes(1, 2).reshape(patch * _PATCHES, -1, 3)[:size, :size], quality=92)


def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random colours, from blotches to fine grain: images of one grain would be near duplicates of one another."""
    grain = round(2 ** rng.uniform(1, np.log2(len(image))))
    return _encoded(_resized(rng.integers(0, 256, (grain, grain, 3), dtype=np.uint8), len(image)), quality=92)


def photograph(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of one of scikit-learn's two photographs, a temple and a flower (Creative Commons BY)."""
    photo = _photographs()[rng.integers(2)]
    largest = min(photo.shape[:2]) * 2 // 3
    smallest = min(len(image), largest)
    sides = np.exp(rng.uniform(np.log(smallest), np.log(largest), _CANDIDATES))  # small ones differ most
    parts = [_random_crop(photo, int(side), rng) for side in sides]
    best = max(parts, key=lambda part: part.std(axis=(0, 1)).mean())
    return _encoded(_resized(best, len(image)), quality=92)


def same_pixels(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image itself."""
    return image.copy()


def recompressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image as a JPEG of lower quality."""
    return _encoded(image, quality=int(rng.integers(50, 81)))


def shifted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image moved aside by up to 3 % of its side, at least by a pixel; the edge fills the gap."""
    reach = max(1, round(len(image) * _MOST_SHIFT))
    down, right = rng.integers(1, reach + 1, 2) * rng.choice([-1, 1], 2)
    row, column = np.arange(len(image)) + down, np.arange(len(image)) + right
    moved: np.ndarray = image[np.clip(row, 0, len(image) - 1)[:, None], np.clip(column, 0, len(image) - 1)]
    return moved


FOREIGN: dict[str, Picture] = {"shuffled_crop": shuffled_crop, "noise": noise, "photograph": photograph}
COPIES: dict[str, Picture] = {"exact": same_pixels, "recompressed": recompressed, "shifted": shifted}


@cache
def _photographs() -> list[np.ndarray]:
    photographs: list[np.ndarray] = load_sample_images().images
    return photographs


def _random_crop(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    top, left = rng.integers(0, image.shape[0] - side + 1), rng.integers(0, image.shape[1] - side + 1)
    return image[top : top + side, left : left + side]


def _resized(image: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


def _encoded(image: np.ndarray, *, quality: int) -> np.ndarray:
    """Through JPEG, as all images of a dataset have been."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
