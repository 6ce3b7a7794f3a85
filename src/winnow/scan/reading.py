"""A first look at somebody's images: classes with counts, sizes, and the params that follow from them."""

import io
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from winnow.data.archive import Archive, open_archive
from winnow.data.layouts import Layout, read_layout
from winnow.data.layouts.registry import AUTO
from winnow.errors import WinnowError
from winnow.params.encoders import kind_of

SIDES = (32, 64, 96, 128)
_LOOKED_AT = 200  # headers read to know the size of the images
_FLOOR = 20
_FEW = 10  # images of a class below which its scores mean little
_ENOUGH = 100  # images of a class with which networks of one's own tell it from others


@dataclass(frozen=True)
class Reading:
    """What a dataset looks like before anything is computed.

    Attributes:
        form: the layout, and what was chosen in reading it, in words.
        classes: images per class by name, in label order; of their labels, before any is opened.
        images: all of them, and of images without labels those without a fault in their names.
        boxes: boxes per class by name, of layouts that have boxes.
        unusable: images without a usable name or label, by reason.
        left_out: files that are no images of the dataset, by reason.
        widths, heights: (M,) int64 pixels of a sample of the images, M at most 200.
        notes: what a person should know, a sentence each.
    """

    form: str
    classes: dict[str, int]
    images: int
    boxes: dict[str, int]
    unusable: dict[str, int]
    left_out: dict[str, int]
    widths: np.ndarray
    heights: np.ndarray
    notes: tuple[str, ...] = ()


def look_at(
    path: Path, *, split: str | None, max_unpacked_bytes: float, layout: str = AUTO, class_names: Sequence[str] = ()
) -> Reading:
    """Read the names and labels of a dataset and the size of some of its images.

    Args:
        path: the dataset.
        split, layout, class_names: as of `read_layout`.
        max_unpacked_bytes: as of `open_archive`.

    Raises:
        WinnowError: if it has no layout that winnow reads, not that split or those classes, or fewer than two classes
            with two images each.
    """
    with open_archive(path, max_unpacked_bytes=max_unpacked_bytes) as archive:
        found = read_layout(archive, class_names=class_names, split=split, layout=layout, unlabelled=True)
        widths, heights = _sizes(archive, found)
    labels = Counter(entry.label for entry in found.entries if not entry.problem)
    classes = {name: labels[label] for label, name in enumerate(found.class_names)}
    if classes and sum(count > 1 for count in classes.values()) < 2:
        raise WinnowError(f"{path} has fewer than two classes of two images or more; add images, or classes.")
    return Reading(
        form=found.form,
        classes=classes,
        images=labels.total(),
        boxes=dict(Counter(box.class_name for boxes in found.boxes.values() for box in boxes).most_common()),
        unusable=dict(Counter(entry.problem for entry in found.entries if entry.problem)),
        left_out=dict(Counter(found.left_out.values())),
        widths=widths,
        heights=heights,
        notes=(*found.notes, *_notes(classes)),
    )


def _sizes(archive: Archive, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    names = [entry.file_name for entry in layout.entries if not entry.problem]
    step = max(1, -(-len(names) // _LOOKED_AT))
    sizes = []
    for _, content in archive.items(names[::step]):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sizes.append(Image.open(io.BytesIO(content)).size)
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            continue  # build_manifest rejects it and says why
    if not sizes:
        raise WinnowError(f"{archive.label} has no image that can be opened; convert the files to JPEG or PNG.")
    widths, heights = np.array(sizes, dtype=np.int64).T
    return widths, heights


def _notes(classes: dict[str, int]) -> list[str]:
    few = [f"{name!r} ({count})" for name, count in classes.items() if count < _FEW]
    if not few:
        return []
    shown = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
    return [f"Few images of {shown}: what is said of their labels is a guess; with one image a class is left out."]


def notes_on_encoder(reading: Reading, encoder: Sequence[str]) -> list[str]:
    """A sentence where there is too little to learn the classes from, and nothing else knows them."""
    usable = [count for count in reading.classes.values() if count > 1]
    learns = isinstance(encoder, str) and kind_of(encoder) == "trained"
    if not learns or not usable or (middle := int(np.median(usable))) >= _ENOUGH:
        return []
    return [
        f"Half of the classes have {middle} images or fewer, which is little to learn them from: right labels will be "
        "flagged too. --set embed.encoder=open_clip scores by CLIP, which knows more (downloaded once)."
    ]


def one_size(widths: np.ndarray, heights: np.ndarray) -> int | None:
    """The side of the images where all are squares of one size, of 12 to 128 pixels; None where each keeps its own."""
    smallest, largest = int(min(widths.min(), heights.min())), int(max(widths.max(), heights.max()))
    return largest if smallest == largest and 12 <= largest <= SIDES[-1] else None


def train_size(widths: np.ndarray, heights: np.ndarray) -> int:
    """The side in pixels that images are trained at, and those of one size scored: `one_size`, or the largest of SIDES
    that the shorter side of half of them has, and the smallest of SIDES if none is that small."""
    if side := one_size(widths, heights):
        return side
    shorter = float(np.median(np.minimum(widths, heights)))
    return max((side for side in SIDES if side <= shorter), default=SIDES[0])


def settings_of(reading: Reading, *, archive: str, split: str | None) -> dict[str, Any]:
    """What differs from `configs/scan.yaml` for a dataset: dotted key to value."""
    always = {
        "data.archive": archive,
        **({"data.split": split} if split else {}),
        "data.image_size": one_size(reading.widths, reading.heights),
        "data.train_size": train_size(reading.widths, reading.heights),
    }
    if not reading.classes:
        return always | {"embed.encoder": "plain", "curate.class_floor": 0}
    usable = [count for count in reading.classes.values() if count > 1]
    return {
        **always,
        "curate.class_floor": min(_FLOOR, min(usable) // 2),
        "validation.per_class": max(1, min(_FLOOR, min(usable) // 5)),
        "augment.budget": min(50_000, max(2000, 2 * reading.images)),
    }
