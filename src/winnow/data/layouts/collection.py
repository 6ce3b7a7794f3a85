"""Datasets of every layout as one: images, what they show, their splits, and how the dataset is without some of them.

`layouts.read_layout` reads what a classifier is trained on, one split, each image with one label. Here all splits are
read, labels and boxes are optional, and annotations stay in their files: a filtered dataset is the files of the old
one, less the images that go and what is said of them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from winnow.data.archive import Archive
from winnow.data.layouts.entries import Box, image_stem

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What folders and files of splits are called, and the split."""


@dataclass(frozen=True)
class Item:
    """An image of a dataset.

    Attributes:
        file: its path in the dataset, which is its id.
        split: `train`, `val`, `test`, or "" in a dataset without splits.
        label: its class; "" where it has none, or boxes instead.
        boxes: its boxes, faulty ones left out.
    """

    file: str
    split: str = ""
    label: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A fault of an annotation, told and counted, that hurts nothing else: its `kind`, where, and what in words."""

    kind: str
    file: str
    detail: str


@dataclass(frozen=True)
class Dataset:
    """What a layout makes of a folder or archive.

    Attributes:
        form: the layout in words.
        items: sorted by file.
        problems: faults of annotations.
        without: from the files of images that go to the files that change: their new content, or None for those that
            go too. All others stay as they are, byte for byte.
    """

    form: str
    items: Sequence[Item]
    problems: Sequence[Problem] = ()
    without: Callable[[Collection[str]], Mapping[str, bytes | None]] = field(
        default=lambda files: dict.fromkeys(files), repr=False
    )


class DatasetReader(Protocol):
    """What the module of such a layout holds."""

    @property
    def FORM(self) -> str:
        """What a dataset needs, in words that follow 'it needs'."""

    def matches(self, archive: Archive) -> bool:
        """Whether the dataset is of this layout."""
        ...

    def read(self, archive: Archive) -> Dataset:
        """Find images and annotations.

        Raises:
            WinnowError: if a file that describes all others cannot be read.
        """
        ...


def split_of(path: str) -> str:
    """The split that a path names in a folder, or at an end of its file's name; "" if it names none."""
    *folders, name = path.lower().split("/")
    for folder in folders:
        if folder in SPLITS:
            return SPLITS[folder]
        stem = folder.rstrip("0123456789")  # train2017
        if stem in SPLITS:
            return SPLITS[stem]
    stem = name.rpartition(".")[0].rstrip("0123456789")
    found = [SPLITS[word] for word in stem.replace("-", "_").split("_") if word in SPLITS]
    return found[-1] if found else ""


def images_of(archive: Archive) -> list[str]:
    """Sorted paths of the files that are images by their names."""
    return [name for name in archive.names() if image_stem(name.rpartition("/")[2]) is not None]
