"""The layouts by name, from which every pipeline takes those that it can use.

To add one, write a module with what `entries.Reader` (one label per image) or `collection.DatasetReader` (all splits,
labels or boxes or neither) asks for, and name it in LAYOUTS before every one that would take its datasets too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from winnow.data.archive import Archive
from winnow.data.layouts import coco, course, flat, imagefolder, paths, table, voc, webdataset, yolo
from winnow.data.layouts.collection import Dataset, DatasetReader
from winnow.data.layouts.entries import Reader
from winnow.data.layouts.labelled import COURSE, IMAGEFOLDER
from winnow.data.layouts.unlabelled import Unlabelled
from winnow.errors import WinnowError

AUTO = "auto"


@dataclass(frozen=True)
class Known:
    """How datasets of a layout are read.

    Attributes:
        images: one split, for what scores and decides on images.
        dataset: all splits, with boxes and faults; None where nothing but images and labels can be read.
        has_labels: whether each image has a label.
    """

    images: Reader
    dataset: DatasetReader | None = None
    has_labels: bool = True


def _without_labels(reader: DatasetReader, recognised: Callable[[Archive], bool] | None = None) -> Known:
    return Known(Unlabelled(reader, recognised), reader, has_labels=False)


LAYOUTS: Mapping[str, Known] = MappingProxyType(
    {
        "table": Known(table),
        "paths": Known(paths, has_labels=False),
        "course": Known(course, COURSE),
        "webdataset": Known(webdataset),
        "voc": _without_labels(voc),
        "coco": _without_labels(coco),
        "yolo": _without_labels(yolo),
        "flat": _without_labels(flat, flat.in_one_folder),
        "imagefolder": Known(imagefolder, IMAGEFOLDER),
    }
)
"""In this order: a dataset is read by the first layout that it matches."""


def find_layout(archive: Archive, *, layout: str, unlabelled: bool) -> str | None:
    """The name of the layout by which images are read; None if none fits.

    Args:
        archive: open archive.
        layout: a name of LAYOUTS, or `auto` for the first that fits.
        unlabelled: whether one without labels will do.

    Raises:
        WinnowError: if the dataset is not of the layout named, or that has no labels and they are needed.
    """
    usable = {name: known for name, known in LAYOUTS.items() if unlabelled or known.has_labels}
    if layout == AUTO:
        return next((name for name, known in usable.items() if known.images.matches(archive)), None)
    if layout not in LAYOUTS:
        raise WinnowError(f"there is no layout {layout!r}; name one of auto, {', '.join(LAYOUTS)}.")
    if layout not in usable:
        raise WinnowError(f"{archive.label}: the layout {layout} has no label for each image, which is needed here.")
    known = usable[layout]
    if not known.images.matches(archive) and not (known.dataset and known.dataset.matches(archive)):
        raise WinnowError(f"{archive.label} is not of the layout {layout}; it needs {known.images.FORM}.")
    return layout


def others_that_fit(archive: Archive, chosen: str) -> list[str]:
    """Further layouts that a dataset with all of its splits could be of, but for `flat`, which every dataset is."""
    return [
        name
        for name, known in LAYOUTS.items()
        if known.dataset and name not in (chosen, "flat") and known.dataset.matches(archive)
    ]


def read_dataset(archive: Archive, *, layout: str = AUTO) -> Dataset:
    """Read all splits of a dataset.

    Args:
        archive: open folder, zip or tar.
        layout: a name of LAYOUTS, or `auto` for the first that fits.

    Raises:
        WinnowError: if the layout does not fit, or there is no image.
    """
    readers = {name: known.dataset for name, known in LAYOUTS.items() if known.dataset}
    if layout != AUTO and layout not in readers:
        raise WinnowError(f"there is no layout {layout!r}; name one of auto, {', '.join(readers)}.")
    # What is nothing else is images without labels, however they lie.
    tried = [reader for reader in readers.values() if reader is not flat] + [flat]
    tried = tried if layout == AUTO else [readers[layout]]
    reader = next((reader for reader in tried if reader.matches(archive)), None)
    if reader is None:
        forms = ", or ".join(reader.FORM for reader in tried)
        raise WinnowError(f"{archive.label} holds no dataset of this layout; it needs {forms}.")
    dataset = reader.read(archive)
    if not dataset.items:
        raise WinnowError(f"{archive.label} holds no images; it needs {reader.FORM}.")
    return dataset
