"""Image quality issues that params.yaml names drop an image."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules.rule import Context, Outcome, Restoring, Rule, Threshold, Thresholds
from winnow.detect.labels import LABEL_QUALITY


def _dropping(image_faults: str, thresholds: Thresholds) -> list[str]:
    """Those of an image's issues that drop it."""
    return [fault for fault in image_faults.split(",") if fault in thresholds["drop_image_faults"]]


def _applies(frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
    codes, faults = pd.factorize(frame["image_faults"])  # a few different ones, however many images
    dropped = np.array([bool(_dropping(each, thresholds)) for each in faults], dtype=bool)
    rows: np.ndarray = dropped[codes]
    return rows


def _explains(row: Any, context: Context) -> str:
    return f"the picture itself is at fault: {', '.join(_dropping(row.image_faults, context.thresholds))}"


IMAGE_FAULT = Rule(
    name="image_fault",
    words="image faults",
    meaning="the picture itself is spoilt",
    thresholds=(Threshold("drop_image_faults", "Image faults that drop an image"),),
    applies=_applies,
    switch="drop_image_faults",
    explains=_explains,
    finding=None,
    restoring=Restoring(turn=1, best_first=LABEL_QUALITY),
    outcome=Outcome("fault", "dropped: fault of the picture", light="#7a4a21", dark="#c08b5c"),
)
