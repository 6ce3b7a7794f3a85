"""Faults of the picture itself, whatever its label: CleanVision's scores at CleanVision's thresholds."""

from itertools import compress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager, compute_scores
from PIL import Image

from winnow.data.pixels import Pixels, one_by_one
from winnow.progress import progress

_OF_PIXELS = ("dark", "low_information", "blurry", "grayscale")  # `light` falls out of `dark`
_OF_SIZE = ("odd_size", "odd_aspect_ratio")
_LONGEST = 512  # of an image at its own size; CleanVision measures blur at 64 pixels, and the rest is of all pixels
FAULTS = ("dark", "light", "low_information", "blurry", "grayscale", *_OF_SIZE)


def score_image_faults(pixels: Pixels, width: np.ndarray, height: np.ndarray) -> pd.DataFrame:
    """Score every image for each of CleanVision's faults.

    A picture whose three channels are equal is shown to CleanVision as a grey one: it would know a grey file, but all
    images are RGB by the time they are decoded.

    Args:
        pixels: (N, H, W, 3) uint8; images of their own size are scored in their own proportions.
        width: (N,) int, of the images as they came, before any resizing; of these are `odd_size` (far from the sizes
            of the others) and `odd_aspect_ratio`.
        height: (N,) int.

    Returns:
        A row per image. For each fault of `FAULTS`: `<fault>_score` float64 in [0, 1], lower is worse, and
        `is_<fault>` bool, at CleanVision's default thresholds. Then `image_faults`, the names of the faults found,
        comma-separated, "" for none.

    Source: CleanVision 0.3, github.com/cleanlab/cleanvision (Apache-2.0); its property classes do the scoring.
    """
    manager = ImagePropertyIssueManager()
    properties, defaults = manager.image_properties, manager.get_default_params()
    raw = []
    with progress("image faults", len(pixels)) as report:
        for image in one_by_one(pixels, longest=_LONGEST):
            raw.append(compute_scores(0, [_as_image(image)], _OF_PIXELS, properties))
            report(1)
    measured = pd.DataFrame(raw)
    # These two properties look at nothing but the size.
    sizes: list[Any] = [SimpleNamespace(size=size) for size in zip(width.tolist(), height.tolist(), strict=True)]
    for fault in _OF_SIZE:
        measured[properties[fault].name] = [properties[fault].calculate(size)[properties[fault].name] for size in sizes]

    frame = pd.DataFrame(index=measured.index)
    for fault in FAULTS:
        options = defaults[fault]
        scores = properties[fault].get_scores(measured, fault, **options)
        frame[f"{fault}_score"] = scores.iloc[:, 0].to_numpy(dtype=np.float64)
        marked = properties[fault].mark_issue(scores, fault, options.get("threshold"))
        frame[f"is_{fault}"] = marked.iloc[:, 0].to_numpy(dtype=bool)
    found = [tuple(row) for row in frame[[f"is_{fault}" for fault in FAULTS]].to_numpy().tolist()]
    names = {row: ",".join(compress(FAULTS, row)) for row in set(found)}
    frame["image_faults"] = [names[row] for row in found]
    return frame


def count_image_faults(faults: pd.DataFrame) -> dict[str, int | float]:
    """How many images `score_image_faults` found faulty: in all, and by fault."""
    faulty = int((faults["image_faults"] != "").sum())
    return {
        "images": len(faults),
        "faulty": faulty,
        "faulty_share": faulty / len(faults),
        **{fault: int(faults[f"is_{fault}"].sum()) for fault in FAULTS},
    }


def _as_image(pixels: np.ndarray) -> Image.Image:
    red = pixels[..., 0]
    grey = np.array_equal(red, pixels[..., 1]) and np.array_equal(red, pixels[..., 2])
    return Image.fromarray(red if grey else pixels)
