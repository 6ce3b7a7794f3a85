"""The course's form: `<team>-<part>-set/` with `imgs/<name>.jpg` and `data-labels.json`, one-hot lists by name."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.data.layouts.course import IMAGES_FOLDER, LABELS_FILE
from winnow.progress import Reporter

SUFFIXES = {"training": "-training-set", "validation": "-validation-set"}
_BATCH = 1000


def folder(name: str, part: str) -> str:
    """`<team>-training-set` or `<team>-validation-set`."""
    return f"{name}{SUFFIXES[part]}"


def owns(entry: str) -> bool:
    """Whether it is called like a set, of any team."""
    return entry.endswith(tuple(SUFFIXES.values()))


def write(folder: Path, packed: pd.DataFrame, *, class_names: Sequence[str], report: Reporter) -> None:
    """Write images and labels; see `writers.Writer`."""
    (folder / IMAGES_FOLDER).mkdir(parents=True)
    one_hot = np.eye(len(class_names), dtype=int)[packed["label"].to_numpy()].tolist()
    labels = dict(zip(packed["name"], one_hot, strict=True))
    (folder / LABELS_FILE).write_text(json.dumps(labels, sort_keys=True) + "\n", encoding="utf-8")
    for start in range(0, len(packed), _BATCH):
        rows = packed.iloc[start : start + _BATCH]
        for stem, image_bytes in zip(rows["name"], rows["image_bytes"], strict=True):
            (folder / IMAGES_FOLDER / f"{stem}.jpg").write_bytes(image_bytes)
        report(len(rows))
