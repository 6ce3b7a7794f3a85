"""Layouts with one label per image, `imagefolder` and `course`, as datasets whose other splits stay in sight."""

import json
import posixpath
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from winnow.data.archive import Archive
from winnow.data.layouts import course, imagefolder
from winnow.data.layouts.collection import Dataset, Item, Problem, images_of, split_of
from winnow.data.layouts.entries import Reader
from winnow.errors import WinnowError


def _two_folders(archive: Archive) -> bool:
    folders = {posixpath.dirname(name) for name in images_of(archive)}
    last = {
        posixpath.basename(folder) for folder in folders if folder and not split_of(f"{posixpath.basename(folder)}/")
    }
    return len(last) > 1


@dataclass(frozen=True)
class Labelled:
    """The `collection.DatasetReader` of such a layout.

    Attributes:
        reader: of one split, for its images and labels.
        matches: whether a dataset is of this layout.
    """

    reader: Reader
    matches: Callable[[Archive], bool]

    @property
    def FORM(self) -> str:
        return self.reader.FORM

    def read(self, archive: Archive) -> Dataset:
        """Read it. The faults are those of the training split."""
        return _read(archive, self.reader)


def _read(archive: Archive, reader: Reader) -> Dataset:
    labels_file = _labels_file(archive) if reader is course else None
    layout = reader.read(archive, class_names=[], split=None)
    items, problems = [], []
    for entry in layout.entries:
        if entry.problem:
            problems.append(Problem(entry.problem, entry.file_name or entry.image_id, entry.detail))
        if entry.file_name and entry.problem != "bad-name":
            label = "" if entry.label is None else layout.class_names[entry.label]
            items.append(Item(entry.file_name, split=split_of(entry.file_name), label=label))
    known = {item.file for item in items}
    images = set(images_of(archive))
    others = [name for name, why in layout.left_out.items() if why == "other-split" and name in images - known]
    label_of = _labels_of(archive, others)
    items += [Item(name, split=split_of(name) or "other", label=label_of.get(name, "")) for name in others]

    def without(files: Collection[str]) -> Mapping[str, bytes | None]:
        changed: dict[str, bytes | None] = dict.fromkeys(files)
        if labels_file:
            changed[labels_file] = _labels_without(archive.read(labels_file), files)
        return changed

    items.sort(key=lambda item: item.file)
    return Dataset(layout.form, items, problems, without)


def _labels_file(archive: Archive) -> str | None:
    return next((name for name in archive.names() if posixpath.basename(name) == course.LABELS_FILE), None)


def _labels_of(archive: Archive, files: Collection[str]) -> dict[str, str]:
    """The labels of images in other splits of an ImageFolder."""
    folders = {folder for file in files for folder in file.split("/")[:-1] if split_of(f"{folder}/")}
    found: dict[str, str] = {}
    for folder in sorted(folders):
        layout = imagefolder.read(archive, class_names=[], split=folder)
        labelled = [entry for entry in layout.entries if entry.label is not None]
        found |= {entry.file_name: layout.class_names[entry.label or 0] for entry in labelled}
    return found


def _labels_without(content: bytes, files: Collection[str]) -> bytes:
    """The labels file without these images; the others' values and order stay."""
    try:
        labels = json.loads(content)
    except ValueError as error:
        raise WinnowError(f"{course.LABELS_FILE} is not valid JSON ({error}); fix it there.") from None
    gone = {
        key for file in files for key in (posixpath.basename(file), posixpath.splitext(posixpath.basename(file))[0])
    }
    return json.dumps({key: value for key, value in labels.items() if key not in gone}).encode()


COURSE = Labelled(course, lambda archive: _labels_file(archive) is not None)
"""With a labels file."""
IMAGEFOLDER = Labelled(imagefolder, _two_folders)
"""With two folders that hold images each, those of splits aside."""
