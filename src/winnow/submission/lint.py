"""Checking a submission against the course's rules and the original archive."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from winnow.data.layouts.course import LABELS_FILE
from winnow.data.manifest import Manifest
from winnow.submission.folders import Folders, SetFolder, printable, read_folders
from winnow.submission.images import examine
from winnow.submission.names import parse_name

MOST_TRAINING = 50_000
LEAST_VALIDATION, MOST_VALIDATION = 10, 1_000
_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """What became of one rule.

    Attributes:
        rule: its name.
        ok: True if it holds, False if it is broken, None if it could not be checked because another rule is broken.
        detail: in words.
        examples: the first few things that break it.
    """

    rule: str
    ok: bool | None
    detail: str
    examples: list[str] = field(default_factory=list)


def lint_submission(
    directory: str | Path, original: Manifest, *, budget: int, class_count: int, image_size: int
) -> list[Finding]:
    """Check every rule of the hand-in.

    Args:
        directory: holds `<team>-training-set/` and `<team>-validation-set/`.
        original: the archive that the submission was made from, read with the same `image_size`.
        budget: most training images; more than the course's 50,000 counts as 50,000.
        class_count: K, the length of the one-hot lists.
        image_size: side in pixels of every image.

    Returns:
        One finding per rule, always all of them, in a fixed order. Whatever the folder holds gives findings, never an
        exception, and a fault breaks one rule only where that can be: the broken rules are a list of things to fix.
    """
    folders = read_folders(directory)
    training, validation = folders.training, folders.validation
    originals = set(original.manifest["image_id"])
    class_names = original.class_names
    if len(class_names) != class_count:
        class_names = [str(label) for label in range(class_count)]
    return [
        finding("folders", folders.problems, "both sets are there, of one team", "faults"),
        finding("no-stray-files", folders.stray, "nothing else is there", "files or folders that do not belong there"),
        _labels_readable(folders),
        _files_labelled(folders),
        _one_hot_labels(folders, class_count),
        _names(folders, originals),
        _sources(training, originals),
        _count("training", training, least=1, most=min(budget, MOST_TRAINING)),
        _classes("training", training, class_names),
        _count("validation", validation, least=LEAST_VALIDATION, most=MOST_VALIDATION),
        _classes("validation", validation, class_names),
        *_images(training, validation, original, image_size),
    ]


def finding(rule: str, faults: Iterable[str], holds: str, broken: str, *, unchecked: Iterable[str] = ()) -> Finding:
    """A finding from its faults; `broken` names the faults, `unchecked` which sets could not be checked."""
    faults, unchecked = list(faults), list(unchecked)
    if faults:
        return Finding(rule, False, f"{broken}: {len(faults):,}", [printable(one) for one in faults[:_EXAMPLES]])
    if unchecked:
        return Finding(rule, None, f"not checked for the {' and the '.join(unchecked)} set: fix the rules above first")
    return Finding(rule, True, holds)


def _with_images(folders: Folders) -> tuple[list[SetFolder], list[str]]:
    """The sets whose images can be checked, and the names of those where they cannot."""
    return _split(folders, lambda part: part.has_images)


def _with_labels(folders: Folders) -> tuple[list[SetFolder], list[str]]:
    return _split(folders, lambda part: part.labels is not None)


def _split(folders: Folders, able: Callable[[SetFolder], bool]) -> tuple[list[SetFolder], list[str]]:
    sets = {"training": folders.training, "validation": folders.validation}
    there = {name: part for name, part in sets.items() if part is not None and able(part)}
    return list(there.values()), [name for name in sets if name not in there]


def _labels_readable(folders: Folders) -> Finding:
    there, unchecked = _split(folders, lambda part: LABELS_FILE not in part.missing)
    faults = [f"{part.path.name}/{LABELS_FILE} {part.labels_problem}" for part in there if part.labels_problem]
    return finding(
        "labels-readable",
        faults,
        f"{LABELS_FILE} is a JSON object without repeated keys",
        "label files that cannot be read",
        unchecked=unchecked,
    )


def _files_labelled(folders: Folders) -> Finding:
    there, unchecked = _split(folders, lambda part: part.has_images and part.labels is not None)
    faults = []
    for part in there:
        stems = {PurePath(name).stem for name in part.files}
        labels = part.labels or {}
        faults += [f"{part.shown(name)} has no label" for name in part.files if PurePath(name).stem not in labels]
        faults += [f"{part.path.name}/{LABELS_FILE} labels {key!r}: no such file" for key in labels if key not in stems]
    return finding(
        "files-labelled",
        faults,
        "every file has a label, every label a file",
        "files without a label or labels without a file",
        unchecked=unchecked,
    )


def _one_hot_labels(folders: Folders, class_count: int) -> Finding:
    there, unchecked = _with_labels(folders)
    faults = [
        f"{part.path.name}/{LABELS_FILE}: {key!r} is {_shortened(value)}"
        for part in there
        for key, value in (part.labels or {}).items()
        if _label(value, class_count) is None
    ]
    return finding(
        "one-hot-labels",
        faults,
        f"every label is a list of {class_count} with one 1",
        f"labels that are no list of {class_count} numbers, one 1 and the others 0",
        unchecked=unchecked,
    )


def _names(folders: Folders, originals: set[str]) -> Finding:
    there, unchecked = _with_images(folders)
    faults = [part.shown(name) for part in there for name in part.files if parse_name(name, originals) is None]
    shape = "img_<key>.jpg or img_<key>_<technique>.jpg"
    return finding("names", faults, f"all are {shape}", f"names other than {shape}", unchecked=unchecked)


def _sources(training: SetFolder | None, originals: set[str]) -> Finding:
    there = [training] if training is not None and training.has_images else []
    faults = [
        f"{part.shown(name)}: no {source[0]}"
        for part in there
        for name in part.files
        if (source := parse_name(name, originals)) is not None and source[0] not in originals
    ]
    return finding(
        "sources",
        faults,
        "every training image comes from the original",
        "training images of no readable, labelled image of the original",
        unchecked=[] if there else ["training"],
    )


def _count(which: str, part: SetFolder | None, *, least: int, most: int) -> Finding:
    rule = f"{which}-count"
    if part is None or not part.has_images:
        return finding(rule, [], "", "", unchecked=[which])
    count = len(part.files)
    if least <= count <= most:
        return Finding(rule, True, f"{count:,} images, {least:,} to {most:,} allowed")
    return Finding(rule, False, f"{count:,} images where {least:,} to {most:,} are allowed")


def _classes(which: str, part: SetFolder | None, class_names: list[str]) -> Finding:
    rule = f"{which}-classes"
    stems = {PurePath(name).stem for name in part.files} if part is not None else set()
    labels = part.labels if part is not None and part.labels is not None else {}
    present = {_label(value, len(class_names)) for key, value in labels.items() if key in stems} - {None}
    faults = [f"{label} ({name})" for label, name in enumerate(class_names) if label not in present]
    return finding(
        rule,
        faults if present else [],
        f"all {len(class_names)} classes have images",
        "classes without an image",
        unchecked=[] if present else [which],
    )


def _images(
    training: SetFolder | None, validation: SetFolder | None, original: Manifest, image_size: int
) -> list[Finding]:
    seen = examine(training, validation, original, image_size=image_size)
    no_training = [] if training is not None and training.has_images else ["training"]
    no_validation = [] if validation is not None and validation.has_images else ["validation"]
    either = no_training + no_validation
    size = f"{image_size} x {image_size}"
    return [
        finding(
            "images-decode",
            seen.undecodable,
            f"every image is a whole RGB JPEG of {size} pixels",
            f"images that are no whole RGB JPEG of {size} pixels",
            unchecked=either,
        ),
        finding(
            "original-bytes",
            seen.altered,
            f"{seen.unaltered:,} images without a technique are as in the original, byte for byte"
            + (f", and {seen.converted:,} as the manifest converted them" if seen.converted else ""),
            "images without a technique that differ from the original's bytes",
            unchecked=no_training,
        ),
        finding(
            "validation-sources",
            seen.shared_sources,
            "no validation image, nor a copy of one, is in training",
            "validation images that are in training, themselves or as copies",
            unchecked=either,
        ),
        finding(
            "validation-exact",
            seen.identical,
            "no validation image has the pixels of a training image",
            "validation images with the pixels of a training image",
            unchecked=either,
        ),
        finding(
            "validation-near",
            seen.alike,
            "no validation image is a near duplicate of a training image",
            "validation images that are near duplicates of a training image",
            unchecked=either,
        ),
    ]


def _label(value: Any, class_count: int) -> int | None:
    """Position of the 1 in a one-hot list, None if `value` is no such list."""
    if not isinstance(value, list) or len(value) != class_count:
        return None
    if any(type(number) not in (int, float) or number not in (0, 1) for number in value) or sum(value) != 1:
        return None
    return value.index(1)


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
