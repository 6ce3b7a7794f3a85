"""Pascal VOC: `Annotations/<stem>.xml` and `JPEGImages/<stem>.jpg`, lists of splits in `ImageSets/`."""

import math
import posixpath
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Mapping

from winnow.data.archive import Archive
from winnow.data.layouts.collection import SPLITS, Dataset, Item, Problem, images_of
from winnow.data.layouts.entries import Box
from winnow.data.readers.damage import shape_reported

FORM = "JPEGImages/ and Annotations/ (Pascal VOC)"
_ANNOTATIONS, _IMAGES, _SETS = "Annotations", "JPEGImages", "ImageSets"
_MASKS = ("SegmentationClass", "SegmentationObject")


def matches(archive: Archive) -> bool:
    """Whether there is an XML file in a folder of annotations."""
    return any(_in(name, _ANNOTATIONS) and name.endswith(".xml") for name in archive.names())


def read(archive: Archive) -> Dataset:
    """Read it; see `collection.DatasetReader`.

    An annotation belongs to the image of the same stem, whatever its `filename` and `path` say.
    """
    names = archive.names()
    annotations = {_stem(name): name for name in names if _in(name, _ANNOTATIONS) and name.endswith(".xml")}
    images = {_stem(name): name for name in images_of(archive) if _in(name, _IMAGES)}
    splits = _splits(archive, names)
    problems = [
        Problem("label-without-image", annotations[stem], f"there is no image {stem} in {_IMAGES}/")
        for stem in sorted(annotations.keys() - images.keys())
    ]
    found: dict[str, tuple[Box, ...]] = {}
    stem_of = {name: stem for stem, name in annotations.items()}
    for name, content in archive.items(annotations[stem] for stem in sorted(annotations.keys() & images.keys())):
        stem = stem_of[name]
        found[stem], faults = _boxes(name, content, posixpath.basename(images[stem]))
        problems += faults
    for stem in sorted(images.keys() - annotations.keys()):
        problems.append(Problem("image-without-label", images[stem], f"there is no {stem}.xml in {_ANNOTATIONS}/"))
    items = [Item(images[stem], split=splits.get(stem, ""), boxes=found.get(stem, ())) for stem in images]
    items.sort(key=lambda item: item.file)

    def without(files: Collection[str]) -> Mapping[str, bytes | None]:
        changed: dict[str, bytes | None] = dict.fromkeys(files)
        gone = {_stem(file) for file in files}
        for name in names:
            if _stem(name) in gone and (name in stem_of or any(_in(name, folder) for folder in _MASKS)):
                changed[name] = None
            elif _in(name, _SETS) and name.endswith(".txt"):
                changed[name] = _list_without(archive.read(name), gone)
        return changed

    return Dataset("Pascal VOC", items, problems, without)


def _in(name: str, folder: str) -> bool:
    return folder in name.split("/")[:-1]


def _stem(name: str) -> str:
    return posixpath.splitext(posixpath.basename(name))[0]


def _splits(archive: Archive, names: list[str]) -> dict[str, str]:
    """The split of each stem that a list names; a test list is stronger than a validation or training list."""
    splits: dict[str, str] = {}
    for split in ("train", "val", "test"):
        for name in names:
            if _in(name, _SETS) and name.endswith(".txt") and SPLITS.get(_stem(name)) == split:
                with shape_reported(f"{name} in {archive.label}", "a list of names in UTF-8"):
                    lines = archive.read(name).decode().splitlines()
                splits |= {line.split()[0]: split for line in lines if line.split()}
    return splits


def _list_without(content: bytes, gone: Collection[str]) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.split() or line.split()[0].decode(errors="replace") not in gone)


def _boxes(name: str, content: bytes, image: str) -> tuple[tuple[Box, ...], list[Problem]]:
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        return (), [Problem("unreadable-label", name, str(error))]
    problems, boxes = [], []
    said = (root.findtext("filename") or "").strip()
    if said and posixpath.basename(said) != image:
        problems.append(Problem("other-file-name", name, f"it says {said!r}, the image is {image!r}"))
    try:
        width, height = (float(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
    except ValueError:
        return (), [*problems, Problem("unreadable-label", name, "its width or height is no number")]
    for number, item in enumerate(root.iter("object"), 1):
        class_name = (item.findtext("name") or "").strip()
        corners = [item.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        try:
            x0, y0, x1, y1 = (float(corner or "") for corner in corners)
        except ValueError:
            problems.append(Problem("no-box", name, f"object {number} ({class_name}) has no four corners"))
            continue
        if not (x1 > x0 and y1 > y0 and math.isfinite(x0 + y0 + x1 + y1)):
            detail = f"object {number} ({class_name}): {x0:g}, {y0:g} to {x1:g}, {y1:g}"
            problems.append(Problem("empty-box", name, detail))
            continue
        across, down = width or 1, height or 1
        boxes.append(Box(class_name, x0 / across, y0 / down, x1 / across, y1 / down))
    return tuple(boxes), problems
