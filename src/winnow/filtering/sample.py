"""The built-in sample: handwritten digits on pieces of photographs, many of them shifted copies of others.

The digits are scikit-learn's `load_digits` (UCI Optical Recognition of Handwritten Digits, test part), the photographs
its two `load_sample_images`. Both come with it: the sample needs no network.
"""

import io
import zipfile

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import shift
from sklearn.datasets import load_digits, load_sample_images

from winnow.errors import WinnowError

_SIDE, _TEST, _EDGE = 48, 300, 6
_GROUND = 0.5  # how dark the photographs may be, of 1
_PLAIN = 30  # of 255
_DATE = (2020, 1, 1, 0, 0, 0)


def make_sample(*, seed: int, images: int, copied: float, odd: int, leaked: int) -> tuple[bytes, pd.DataFrame]:
    """Draw the sample; the same arguments give the same bytes.

    Args:
        seed: of every choice.
        images: training images in all.
        copied: share of them that are shifted, slightly noisy copies of a fifth of the others.
        odd: training images whose pixels are scrambled.
        leaked: of the 300 test images, how many are copies of training images.

    Returns:
        A zip with `<split>/<digit>/<number>.png`, and the truth: `file`, `copy_of` ("" for none) and `odd`.

    Raises:
        WinnowError: if there are not that many digits.
    """
    digits = load_digits()
    rng = np.random.default_rng(seed)
    copies = round(images * copied)
    distinct = images - copies
    order = rng.permutation(len(digits.target))
    if distinct > len(order) - _TEST or odd > distinct or leaked > _TEST:
        raise WinnowError(
            f"the sample has {len(order) - _TEST} digits to train on, and {distinct} distinct ones were asked for; "
            "lower filter_sample.images or raise filter_sample.copied."
        )
    pictures = _drawn(digits.images, rng)
    rows: list[tuple[str, np.ndarray, str, bool]] = []

    def add(split: str, digit: int, picture: np.ndarray, copy_of: str = "", is_odd: bool = False) -> str:
        name = f"{split}/{digit}/{len(rows):05}.png"
        rows.append((name, picture, copy_of, is_odd))
        return name

    names = []
    for place, number in enumerate(order[:distinct].tolist()):
        picture, is_odd = pictures[number], place < odd
        if is_odd:
            picture = rng.permutation(picture.ravel()).reshape(picture.shape)
        names.append(add("train", int(digits.target[number]), picture, is_odd=is_odd))
    originals = np.arange(odd, distinct)[: max((distinct - odd) // 5, 1)]
    for source in rng.choice(originals, copies).tolist():
        number = int(order[source])
        add("train", int(digits.target[number]), _shifted(pictures[number], rng), copy_of=names[source])
    for place, number in enumerate(order[distinct : distinct + _TEST].tolist()):
        source = odd + place
        if place < leaked:
            add(
                "test", int(digits.target[order[source]]), _shifted(pictures[order[source]], rng), copy_of=names[source]
            )
        else:
            add("test", int(digits.target[number]), pictures[number])
    truth = pd.DataFrame(
        [(name, copy_of, is_odd) for name, _, copy_of, is_odd in rows], columns=["file", "copy_of", "odd"]
    )
    return _packed([(name, picture) for name, picture, _, _ in rows]), truth.sort_values("file", ignore_index=True)


def _drawn(digits: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """(N, 8, 8) digits of 0 to 16 as (48, 48) uint8, each dark on a piece of a photograph in light greys."""
    photographs = [np.asarray(Image.fromarray(image).convert("L")) for image in load_sample_images().images]
    inner, found = _SIDE - 2 * _EDGE, []
    for digit in digits:
        piece = _piece(photographs[int(rng.integers(len(photographs)))], rng)
        ground = 255 - _GROUND * (255 - piece)
        large = Image.fromarray((digit * 255 / 16).astype(np.uint8)).resize((inner, inner), Image.Resampling.BICUBIC)
        ink = np.pad(np.asarray(large, dtype=float) / 255, _EDGE)
        found.append((ground * (1 - ink)).clip(0, 255).astype(np.uint8))
    return found


def _piece(photograph: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(48, 48) float64 of a photograph, at some scale, where it is no plain sky."""
    while True:
        side = int(rng.integers(_SIDE, 3 * _SIDE))
        top, left = (int(rng.integers(length - side)) for length in photograph.shape)
        piece = Image.fromarray(photograph[top : top + side, left : left + side])
        pixels = np.asarray(piece.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), dtype=np.float64)
        if pixels.std() > _PLAIN:
            return pixels


def _shifted(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    offset = rng.uniform(-1.5, 1.5, size=2)
    moved = shift(picture.astype(np.float64), offset, order=1, mode="nearest")
    return np.asarray((moved + rng.normal(scale=3, size=moved.shape)).clip(0, 255).astype(np.uint8))


def _packed(pictures: list[tuple[str, np.ndarray]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, picture in sorted(pictures, key=lambda item: item[0]):
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "PNG")
            archive.writestr(zipfile.ZipInfo(name, _DATE), buffer.getvalue())
    return packed.getvalue()
