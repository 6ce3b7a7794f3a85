"""YOLO: `images/.../<stem>.jpg` and `labels/.../<stem>.txt`, a line per box; class names in a `data.yaml`."""

import math
import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import yaml

from winnow.data.archive import Archive
from winnow.data.layouts.collection import SPLITS, Dataset, Item, Problem, images_of, split_of
from winnow.data.layouts.entries import Box
from winnow.data.readers.damage import shape_reported
from winnow.errors import WinnowError, first_sentence

FORM = "images/ and labels/ with a .txt file for each image (YOLO)"


def matches(archive: Archive) -> bool:
    """Whether a text file lies in a folder of labels, or a YAML file names classes and splits."""
    return any("labels" in name.split("/")[:-1] and name.endswith(".txt") for name in archive.names()) or any(
        "names" in content and not SPLITS.keys().isdisjoint(content) for content in _yamls(archive, strict=False)
    )


def read(archive: Archive) -> Dataset:
    """Read it; see `collection.DatasetReader`.

    Paths in the YAML file may be those of another machine: their ends count.
    """
    names = archive.names()
    described = next((content for content in _yamls(archive) if "names" in content), {})
    images = images_of(archive)
    with shape_reported(f"the YAML file in {archive.label}, or a list that it names,", "as YOLO has it"):
        class_names = _class_names(described)
        lists = _lists(described, names)
        listed = {stem: split for name, split in lists.items() for stem in _lines(archive.read(name))}
    label_of = {image: _label_file(image) for image in images}
    there = set(names)
    wanted = {label: image for image, label in label_of.items() if label in there}
    problems = [
        Problem("image-without-label", image, f"there is no {label}")
        for image, label in label_of.items()
        if label not in there
    ]
    problems += [
        Problem("label-without-image", name, "there is no image of that name")
        for name in names
        if "labels" in name.split("/")[:-1]
        and name.endswith(".txt")
        and name not in wanted
        and posixpath.basename(name) != "classes.txt"
    ]
    boxes: dict[str, tuple[Box, ...]] = {}
    for name, content in archive.items(sorted(wanted)):
        boxes[wanted[name]], faults = _boxes(name, content, class_names)
        problems += faults
    items = [Item(image, split=_split(image, described, listed), boxes=boxes.get(image, ())) for image in images]

    def without(files: Collection[str]) -> Mapping[str, bytes | None]:
        changed: dict[str, bytes | None] = dict.fromkeys(files)
        changed |= dict.fromkeys(label_of[file] for file in files if label_of[file] in there)
        ends = {_end(file) for file in files}
        for name in lists:
            lines = archive.read(name).splitlines(keepends=True)
            changed[name] = b"".join(line for line in lines if _end(line.decode().strip()) not in ends)
        return changed

    return Dataset("YOLO", items, problems, without)


def _yamls(archive: Archive, *, strict: bool = True) -> Iterator[dict[str, Any]]:
    """The mappings in YAML files, each read when its turn comes; what is no YAML is passed over, or refused."""
    for name in archive.names():
        if name.endswith((".yaml", ".yml")):
            try:
                content = yaml.safe_load(archive.read(name))
            except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
                if not strict:
                    continue
                raise WinnowError(
                    f"{name} in {archive.label} is not valid YAML ({first_sentence(error)}); fix it there."
                ) from None
            if isinstance(content, dict):
                yield content


def _class_names(described: Mapping[str, Any]) -> dict[int, str]:
    names = described.get("names", {})
    pairs = names.items() if isinstance(names, dict) else enumerate(names)
    return {int(number): str(name) for number, name in pairs}


def _lists(described: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """The text files that list the images of a split."""
    found: dict[str, str] = {}
    for key, paths in described.items():
        for path in paths if isinstance(paths, list) else [paths]:
            if key in SPLITS and isinstance(path, str) and path.endswith(".txt"):
                found |= {name: SPLITS[key] for name in names if posixpath.basename(name) == posixpath.basename(path)}
    return found


def _split(image: str, described: Mapping[str, Any], listed: Mapping[str, str]) -> str:
    if _end(image) in listed:
        return listed[_end(image)]
    for key, paths in described.items():
        for path in paths if isinstance(paths, list) else [paths]:
            if key in SPLITS and isinstance(path, str) and not path.endswith(".txt"):
                parts = [part for part in posixpath.normpath(path).split("/") if part not in ("..", ".", "")]
                if parts and "/".join(parts[-2:]) + "/" in f"/{image}":
                    return SPLITS[key]
    return split_of(f"{posixpath.dirname(image)}/")


def _label_file(image: str) -> str:
    """`labels` in place of the last `images` of the path, as in ultralytics; beside the image where there is none."""
    folders = posixpath.dirname(image).split("/")
    for level in range(len(folders) - 1, -1, -1):
        if folders[level] == "images":
            folders[level] = "labels"
            break
    return posixpath.join(*folders, posixpath.splitext(posixpath.basename(image))[0] + ".txt")


def _end(path: str) -> str:
    """Folder and name, by which a listed path is known wherever its root was."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def _lines(content: bytes) -> list[str]:
    return [_end(line.strip()) for line in content.decode().splitlines() if line.strip()]


def _boxes(name: str, content: bytes, class_names: Mapping[int, str]) -> tuple[tuple[Box, ...], list[Problem]]:
    boxes, problems = [], []
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        if not line.split():
            continue
        try:
            kind, *values = (float(value) for value in line.split())
            if not all(map(math.isfinite, (kind, *values))):
                raise ValueError
        except ValueError:
            problems.append(Problem("unreadable-label", name, f"line {number}: {line[:40]!r}"))
            continue
        if class_names and int(kind) not in class_names:
            problems.append(Problem("unknown-class", name, f"line {number}: class {int(kind)} has no name"))
            continue
        class_name = class_names.get(int(kind), str(int(kind)))
        if len(values) > 4:  # a polygon
            xs, ys = values[0::2], values[1::2]
            x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
        elif len(values) == 4:
            x0, y0 = values[0] - values[2] / 2, values[1] - values[3] / 2
            x1, y1 = values[0] + values[2] / 2, values[1] + values[3] / 2
        else:
            problems.append(Problem("unreadable-label", name, f"line {number}: {line[:40]!r}"))
            continue
        if x1 <= x0 or y1 <= y0:
            problems.append(Problem("empty-box", name, f"line {number} ({class_name})"))
            continue
        boxes.append(Box(class_name, x0, y0, x1, y1))
    return tuple(boxes), problems
