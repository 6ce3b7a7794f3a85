"""Which classes have images enough."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from winnow.data.archive import Archive
from winnow.data.layouts import Layout
from winnow.data.listing import listed
from winnow.errors import WinnowError

_SHOWN = 3
_MEND = (
    "add images, correct data.class_names or data.split in params.yaml, or leave small classes out with "
    "data.min_images_per_class"
)


class UnusableImages(WinnowError):
    """The images of an archive do not make a dataset; `rejected` says why of each, as in a `Manifest`."""

    def __init__(self, message: str, rejected: pd.DataFrame) -> None:
        super().__init__(message)
        self.rejected = rejected


def without_small_classes(
    frame: pd.DataFrame, class_names: Sequence[str], least: int
) -> tuple[pd.DataFrame, list[str], list[tuple[str, str, str, str]]]:
    """Leave out the classes with fewer than `least` images.

    Args:
        frame: a row per accepted image: `file_name`, `image_id`, `label` int64 in [0, K), and others.
        class_names: K names, in label order.
        least: 0 leaves none out.

    Returns:
        The rows that stay, labelled anew; the names of their classes; and a row of `rejected` for each of the others.
    """
    if not class_names:
        return frame, [], []
    counts = np.bincount(frame["label"], minlength=len(class_names))
    large = counts >= least
    names = [name for name, is_large in zip(class_names, large, strict=True) if is_large]
    labels = frame["label"].to_numpy()
    small = [
        (file_name, image_id, "small-class", f"the class {class_names[label]!r} has {counts[label]} of {least} images")
        for file_name, image_id, label in frame.loc[~large[labels], ["file_name", "image_id", "label"]].to_numpy()
    ]
    return frame[large[labels]].assign(label=(np.cumsum(large) - 1)[labels[large[labels]]]), names, small


def note_on_small_classes(class_names: Sequence[str], kept: Sequence[str], images: int, least: int) -> Iterator[str]:
    """A sentence on the classes that `without_small_classes` left out, if there are any."""
    dropped = [repr(name) for name in class_names if name not in kept]
    if dropped:
        yield f"data.min_images_per_class ({least}) leaves out {listed(dropped)}, with {images} images."


def require_classes(
    archive: Archive, layout: Layout, class_names: Sequence[str], labels: pd.Series, rejected: pd.DataFrame, needed: int
) -> None:
    """Raise UnusableImages, with the first of the rejected images, if the others do not make a dataset.

    Args:
        archive: open archive.
        layout: of the archive; without classes any one image is enough.
        class_names: of the classes that are to be there, in label order.
        labels: of the accepted images, in [0, K).
        rejected: as in a `Manifest`.
        needed: accepted images that each class needs; 0 if any one image is enough.
    """
    if not layout.class_names:
        if labels.empty:
            raise UnusableImages(f"{archive.label} has no usable image{_causes(layout, [], rejected)}.", rejected)
        return
    counts = np.bincount(labels, minlength=len(class_names))
    lacking = [name for name, count in zip(class_names, counts, strict=True) if count < needed]
    if len(class_names) < 2 and needed:
        problem = f"too few classes: {len(class_names)} with the images that data.min_images_per_class asks for"
        lacking = list(layout.class_names)
    elif none := [name for name, count in zip(class_names, counts, strict=True) if count == 0 and needed]:
        lacking = none
        problem = f"no usable image of class {listed([repr(name) for name in none])}"
    elif lacking:
        few = listed([repr(name) for name in lacking])
        problem = f"fewer than {needed} usable images of class {few}, one to train on and one to validate with"
    elif labels.empty:
        problem = "no usable image of any class"
    else:
        return
    raise UnusableImages(f"{archive.label} has {problem}{_causes(layout, lacking, rejected)}; {_MEND}.", rejected)


def _causes(layout: Layout, lacking: Sequence[str], rejected: pd.DataFrame) -> str:
    """How many images were rejected and why, and the first few, those of the lacking classes before others."""
    empty = [repr(name) for name in lacking if name in layout.empty_classes]
    words = f"; nothing is in the folder {listed(empty)}" if empty else ""
    if rejected.empty:
        return words
    classes = {entry.file_name: layout.class_names[entry.label] for entry in layout.entries if entry.label is not None}
    columns = (rejected[name].astype(str) for name in ("file_name", "image_id", "detail"))
    rows = sorted(zip(*columns, strict=True), key=lambda row: (not row[0], classes.get(row[0], "") not in lacking))
    first = "; ".join(f"{file_name or image_id}: {detail}" for file_name, image_id, detail in rows[:_SHOWN])
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(rejected["reason"]).most_common())
    return f" ({len(rejected)} images were rejected: {reasons}; {first}){words}"
