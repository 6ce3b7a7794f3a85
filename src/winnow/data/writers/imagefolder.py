"""The form of an ImageFolder with two splits: `train/<label>/<name>.png` and `val/<label>/<name>.png`.

The Data-Centric AI competition of 2021 takes it, and so do Keras and torchvision. The suffix is that of the bytes.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from winnow.progress import Reporter

SPLITS = {"training": "train", "validation": "val"}
_BATCH = 1000
_SUFFIXES = {"JPEG": "jpg"}


def folder(name: str, part: str) -> str:
    """`train` or `val`, whatever the dataset is called."""
    return SPLITS[part]


def owns(entry: str) -> bool:
    """Whether it is called like a split."""
    return entry in SPLITS.values()


def write(folder: Path, packed: pd.DataFrame, *, class_names: Sequence[str], report: Reporter) -> None:
    """Write images; see `writers.Writer`. A class without images has an empty folder, so that none is missed."""
    for class_name in class_names:
        (folder / class_name).mkdir(parents=True)
    for start in range(0, len(packed), _BATCH):
        rows = packed.iloc[start : start + _BATCH]
        for stem, label, image_bytes in zip(rows["name"], rows["label"], rows["image_bytes"], strict=True):
            kind = Image.open(io.BytesIO(image_bytes)).format or "PNG"
            (folder / class_names[label] / f"{stem}.{_SUFFIXES.get(kind, kind.lower())}").write_bytes(image_bytes)
        report(len(rows))
