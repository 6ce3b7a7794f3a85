"""COCO: JSON files with `images`, `annotations` and `categories`, and the images wherever their `file_name`s lead."""

import json
import math
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from winnow.data.archive import Archive
from winnow.data.layouts.collection import Dataset, Item, Problem, images_of, split_of
from winnow.data.layouts.entries import Box
from winnow.data.readers.damage import shape_reported

FORM = "a JSON file with images and annotations (COCO)"


def matches(archive: Archive) -> bool:
    """Whether there is such a JSON file."""
    return any(True for _ in _files(archive))


def read(archive: Archive) -> Dataset:
    """Read it; see `collection.DatasetReader`.

    An image in several JSON files has the boxes of all of them. What a file says of the images that stay is written as
    it was: all keys, crowds and segmentations.
    """
    files = dict(_files(archive))
    places = _Places(images_of(archive))
    boxes: dict[str, list[Box]] = defaultdict(list)
    split: dict[str, str] = {}
    place_of: dict[str, dict[Any, str]] = {}
    problems: list[Problem] = []
    for name, content in files.items():
        with shape_reported(f"{name} in {archive.label}", "JSON as COCO has it"):
            classes = {category["id"]: str(category["name"]) for category in content.get("categories", [])}
            place_of[name] = {}
            sizes = {}
            for image in content["images"]:
                file = places.find(str(image.get("file_name", "")), near=name)
                if file is None:
                    problems.append(Problem("label-without-image", name, f"no image {image.get('file_name')!r}"))
                    continue
                place_of[name][image["id"]] = file
                sizes[image["id"]] = (float(image.get("width") or 1), float(image.get("height") or 1))
                split[file] = split.get(file) or split_of(name) or split_of(f"{posixpath.dirname(file)}/")
            for annotation in content["annotations"]:
                found = place_of[name].get(annotation.get("image_id"))
                if found is None:
                    image_id = annotation.get("image_id")
                    detail = f"annotation {annotation.get('id')} is of image {image_id}, which is not there"
                    problems.append(Problem("label-without-image", name, detail))
                elif "bbox" in annotation:
                    box, fault = _box(annotation, classes, sizes[annotation["image_id"]])
                    if box is not None:
                        boxes[found].append(box)
                    else:
                        problems.append(Problem(fault, name, f"annotation {annotation.get('id')}"))
    for file in places.all:
        if file not in split:
            problems.append(Problem("image-without-label", file, "no JSON file lists it"))
            split[file] = split_of(f"{posixpath.dirname(file)}/")
    items = [Item(file, split=split[file], boxes=tuple(boxes[file])) for file in places.all]

    def without(gone: Collection[str]) -> Mapping[str, bytes | None]:
        changed: dict[str, bytes | None] = dict.fromkeys(gone)
        gone = set(gone)
        for name, content in files.items():
            ids = {key for key, file in place_of[name].items() if file in gone}
            if ids:
                changed[name] = json.dumps(
                    content
                    | {"images": [image for image in content["images"] if image["id"] not in ids]}
                    | {"annotations": [a for a in content["annotations"] if a.get("image_id") not in ids]},
                    ensure_ascii=False,
                ).encode()
        return changed

    return Dataset("COCO", items, problems, without)


def _files(archive: Archive) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and contents of such JSON files, each read when its turn comes: they may be large."""
    for name in archive.names():
        if name.endswith(".json"):
            raw = archive.read(name)
            if b'"images"' in raw and b'"annotations"' in raw:
                try:
                    content = json.loads(raw)
                except (ValueError, RecursionError):
                    continue
                if isinstance(content, dict) and isinstance(content.get("images"), list):
                    yield name, content


class _Places:
    """Where the images are that JSON files name by the end of their paths."""

    def __init__(self, files: Iterable[str]) -> None:
        self.all = list(files)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for file in self.all:
            self._by_name[posixpath.basename(file)].append(file)

    def find(self, file_name: str, *, near: str) -> str | None:
        """The image whose path ends so; of several the one of the JSON file's split, or of its folder."""
        file_name = posixpath.normpath(file_name.replace("\\", "/")).lstrip("/")
        same = self._by_name.get(posixpath.basename(file_name), [])
        fitting = [file for file in same if f"/{file}".endswith(f"/{file_name}")] or same
        if len(fitting) < 2:
            return fitting[0] if fitting else None
        wanted = split_of(near)
        of_split = [file for file in fitting if split_of(f"{posixpath.dirname(file)}/") == wanted]
        beside = [file for file in fitting if file.startswith(posixpath.dirname(near))]
        return (of_split or beside or fitting)[0]


def _box(
    annotation: Mapping[str, Any], classes: Mapping[Any, str], size: tuple[float, float]
) -> tuple[Box | None, str]:
    if annotation.get("category_id") not in classes:
        return None, "unknown-class"
    try:
        left, top, width, height = (float(value) for value in annotation["bbox"])
    except (TypeError, ValueError):
        return None, "no-box"
    if not (width > 0 and height > 0 and math.isfinite(left + top + width + height)):
        return None, "empty-box"
    across, down = size
    name = classes[annotation["category_id"]]
    return Box(name, left / across, top / down, (left + width) / across, (top + height) / down), ""
