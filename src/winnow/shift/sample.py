"""The built-in sample of the pipeline `shift`: printed digits, one training set and two test sets of known difference.

Pictures are drawn with the font that comes with Pillow, each turned, shifted and blurred a little, on noisy paper. So
there are as many independent pictures as one likes, and no network is needed.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from winnow.data.undated_zip import undated_zip

CLASSES = 10
SIZE = 24
ALIKE = (3, 5, 8)
"""Digits that are drawn fainter in every set: those that a classifier confuses."""
BLURRED = 4
"""The digit that set B may hold blurred."""


@dataclass(frozen=True)
class Sample:
    """Three archives in the layout of an ImageFolder and what was planted in them.

    Attributes:
        archives: `train`, `a` and `b`, zip files of `<label>/<row>.png`.
        truth: a row per picture: `set`, `file_name`, `label` (as given), `true_label`, `leaked` (a copy of a training
            picture), `blurred`.
    """

    archives: Mapping[str, bytes]
    truth: pd.DataFrame


def make_sample(
    *, seed: int, rows: int, leaked: float, wrong_labels: float, hard_share: float, blurred: bool
) -> Sample:
    """Draw the digits and plant what is asked for; same arguments, same bytes.

    Args:
        seed: of every random choice.
        rows: pictures in each set.
        leaked: share of set A that are copies of training pictures, with their labels.
        wrong_labels: share of set B that gets another label, any with the same probability.
        hard_share: share of set B in the classes `ALIKE`; in the training set and in A it is 0.3.
        blurred: whether the class `BLURRED` is blurred in set B.
    """
    rng = np.random.default_rng(seed)
    even = np.full(CLASSES, 1 / CLASSES)
    other = np.full(CLASSES, (1 - hard_share) / (CLASSES - len(ALIKE)))
    other[list(ALIKE)] = hard_share / len(ALIKE)
    archives, truths = {}, []
    training: list[bytes] = []
    for name, shares in (("train", even), ("a", even), ("b", other)):
        true = rng.choice(CLASSES, size=rows, p=shares)
        blur = (true == BLURRED) & (blurred and name == "b")
        pictures = [_png(_draw(digit, soft, rng)) for digit, soft in zip(true, blur, strict=True)]
        given = true.copy()
        copied = np.zeros(rows, dtype=bool)
        if name == "train":
            training, training_labels = pictures, true
        elif name == "a":
            copied[rng.permutation(rows)[: round(leaked * rows)]] = True
            sources = rng.permutation(rows)[: copied.sum()]
            for row, source in zip(np.flatnonzero(copied), sources, strict=True):
                pictures[row] = training[source]
            true[copied] = given[copied] = training_labels[sources]
        else:
            wrong = rng.permutation(rows)[: round(wrong_labels * rows)]
            given[wrong] = (true[wrong] + rng.integers(1, CLASSES, size=len(wrong))) % CLASSES
        names = [f"{label}/{row:05d}.png" for row, label in enumerate(given)]
        archives[name] = undated_zip(dict(zip(names, pictures, strict=True)))
        truths.append(
            pd.DataFrame(
                {
                    "set": name,
                    "file_name": names,
                    "label": given,
                    "true_label": true,
                    "leaked": copied.astype(int),
                    "blurred": blur.astype(int),
                }
            )
        )
    return Sample(archives, pd.concat(truths, ignore_index=True))


def _draw(digit: int, soft: bool, rng: np.random.Generator) -> np.ndarray:
    """(SIZE, SIZE) uint8: dark ink on light paper."""
    picture = Image.new("L", (SIZE, SIZE))
    place = SIZE / 2 + rng.normal(0, 1, size=2)
    font = ImageFont.load_default(float(rng.uniform(17, 21)))
    ImageDraw.Draw(picture).text((float(place[0]), float(place[1])), str(digit), fill=255, font=font, anchor="mm")
    picture = picture.rotate(float(rng.normal(0, 9)), Image.Resampling.BILINEAR)
    picture = picture.filter(ImageFilter.GaussianBlur(3.0 if soft else float(rng.uniform(0.3, 0.9))))
    ink = np.asarray(picture, dtype=np.float64) / 255 * rng.uniform(0.5, 0.7 if digit in ALIKE else 1.0)
    paper = rng.uniform(180, 240)
    return np.rint(paper - paper * ink + rng.normal(0, 30, size=ink.shape)).clip(0, 255).astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
