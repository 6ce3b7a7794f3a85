"""The course's layout: `<root>/imgs/img_<key>.<jpg, png, ...>` and `<root>/data-labels.json` with one-hot lists."""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from winnow.data.archive import Archive
from winnow.data.layouts.entries import Entry, Layout, image_stem
from winnow.data.layouts.labels_json import OneHot, Repeated, read_labels
from winnow.data.litter import PACKED_SUFFIXES, companion
from winnow.errors import WinnowError

LABELS_FILE = "data-labels.json"
IMAGES_FOLDER = "imgs"
FORM = f"<root>/{IMAGES_FOLDER}/ and <root>/{LABELS_FILE}"
POSITIONAL = True
_NAME = re.compile(r"img_[A-Za-z0-9._-]+", re.ASCII)
_LONGEST = 200  # characters of an id: copies have longer names, and file systems take 255 bytes


def matches(archive: Archive) -> bool:
    """Whether a labels file is there, or all images lie in one folder that should have one beside it."""
    names = archive.names()
    folders = {posixpath.dirname(name) for name in names if image_stem(posixpath.basename(name)) is not None}
    return any(posixpath.basename(name) == LABELS_FILE for name in names) or [
        posixpath.basename(folder) for folder in folders
    ] == [IMAGES_FOLDER]


def read(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Read it; see `layouts.entries.Reader`. There are no splits, and classes are "0" to "K-1" if not named.

    A key of the labels file may be the whole name of its file, with `.jpg` or the like.
    """
    names = archive.names()
    labels_file = _labels_file(archive, names)
    root = posixpath.dirname(labels_file)
    folder = posixpath.join(root, IMAGES_FOLDER) + "/"
    files = [name for name in names if name.startswith(folder)]
    if not files:
        other = _in_other_case(folder, [f"{posixpath.dirname(name)}/" for name in names])
        raise WinnowError(
            f"{archive.label} has {labels_file} but no files in {folder} beside it; "
            + (f"rename {other} so." if other else "put the images there.")
        )
    labels = _labels(archive, labels_file)
    num_classes = _label_length(archive, labels_file, labels, class_names)
    spelt = {_bare(key): key for key in labels}
    entries: list[Entry] = []
    seen: set[str] = set()
    with_suffix = 0
    for name in files:
        file = name.removeprefix(folder)
        image_id = image_stem(file)
        if image_id is None or not _NAME.fullmatch(image_id):
            entries.append(Entry(name, "", None, "bad-name", f"not {folder}img_<key>.jpg (or .png and so on)"))
            continue
        if len(image_id) > _LONGEST:
            seen.update((image_id, file))
            detail = (
                f"the name has {len(image_id)} characters, {_LONGEST} are read; shorten it here and in {labels_file}"
            )
            entries.append(Entry(name, "", None, "bad-name", detail))
            continue
        key = image_id if image_id in labels or file not in labels else file
        with_suffix += key == file
        seen.add(key)
        if key not in labels:
            other = spelt.get(_bare(key))
            but = f", but {other!r}: keys are spelt like the files, without their suffix" if other else ""
            entries.append(Entry(name, image_id, None, "no-label", f"{labels_file} has no key {key!r}{but}"))
            continue
        label = _one_hot(labels[key], num_classes)
        if label is None:
            detail = f"{_shown(labels[key])} is no one-hot list of {num_classes} numbers"
            entries.append(Entry(name, image_id, None, "bad-label", detail))
        else:
            entries.append(Entry(name, image_id, label))
    without_file = f"{labels_file} has this key but {folder} has no such file"
    entries += [Entry("", key, None, "no-image", without_file) for key in labels if key not in seen]
    outside, left_out = _outside(names, folder, labels_file)
    return Layout(
        list(class_names) or [str(label) for label in range(num_classes)],
        entries + outside,
        left_out,
        form=f"course, {folder} with {labels_file}",
        notes=(f"{with_suffix} keys of {labels_file} are names of files; the ids go without the suffix.",)
        if with_suffix
        else (),
    )


def _bare(key: str) -> str:
    """What is left of a key in which keys that mean the same image may differ: no folder, suffix, case or `img_`."""
    name = posixpath.basename(key.strip().replace("\\", "/"))
    stem = image_stem(name)
    return re.sub(r"[\W_]+", "", name if stem is None else stem).casefold().removeprefix("img")


def _in_other_case(wanted: str, names: Sequence[str]) -> str | None:
    """The one of `names` that differs from `wanted` in case alone."""
    return next((name for name in names if name != wanted and name.casefold() == wanted.casefold()), None)


def _outside(names: Sequence[str], folder: str, labels_file: str) -> tuple[list[Entry], dict[str, str]]:
    """What lies beside the folder of images: rejected if it is an image by its name, else left out."""
    entries, left_out = [], {}
    for name in names:
        if name.startswith(folder):
            continue
        reason = "labels" if name == labels_file else companion(name)
        if reason is None and image_stem(posixpath.basename(name)) is not None:
            entries.append(Entry(name, "", None, "bad-name", f"not in {folder}"))
            continue
        left_out[name] = reason or ("packed" if name.lower().endswith(PACKED_SUFFIXES) else "other")
    return entries, left_out


def _labels_file(archive: Archive, names: Sequence[str]) -> str:
    """The one labels file."""
    found = [name for name in names if posixpath.basename(name) == LABELS_FILE]
    if len(found) > 1:
        raise WinnowError(
            f"{archive.label} holds {len(found)} files {LABELS_FILE} ({', '.join(found[:3])}); "
            "winnow reads one data set at a time, so pack them apart."
        )
    if not found:
        parents = (posixpath.dirname(name) for name in names)
        folder = next(parent for parent in parents if posixpath.basename(parent) == IMAGES_FOLDER)
        other = _in_other_case(posixpath.join(posixpath.dirname(folder), LABELS_FILE), names)
        raise WinnowError(
            f"{archive.label} has images in {folder}/ but no {LABELS_FILE} beside that folder; "
            + (f"rename {other} so." if other else "add the labels file.")
        )
    return found[0]


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _labels(archive: Archive, labels_file: str) -> dict[str, Any]:
    where = f"{labels_file} in {archive.label}"
    try:
        text = archive.read(labels_file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WinnowError(f"{where} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None

    try:
        labels = read_labels(text)
    except Repeated as error:
        written = re.escape(json.dumps(error.key, ensure_ascii=False))
        places = [match.start() for match in re.finditer(written, text)]
        line = f" (line {text.count(chr(10), 0, places[1]) + 1})" if len(places) > 1 else ""
        raise WinnowError(f"{where} has the key {error.key!r} twice{line}; keep one of them.") from None
    except json.JSONDecodeError as error:
        raise WinnowError(
            f"{where} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; fix it there."
        ) from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise WinnowError(f"{where} is not valid JSON ({error}); write it again.") from None
    if isinstance(labels, dict) and (broken := [key for key in labels if not _is_text(key)]):
        raise WinnowError(
            f"{where} has the key {broken[0]!a}, which is no text (half a surrogate pair); write it again."
        )
    if not isinstance(labels, dict):
        raise WinnowError(f'{where} is not an object; it must look like {{"img_<key>": [0, 1, 0, ...], ...}}.')
    return labels


def _label_length(archive: Archive, labels_file: str, labels: dict[str, Any], class_names: Sequence[str]) -> int:
    lengths = Counter(_length(value) for value in labels.values() if isinstance(value, list | OneHot))
    num_classes = max(lengths, key=lambda length: (lengths[length], length), default=0)
    if num_classes < 2:
        example = f" (that of {next(iter(labels))!r} is {_shown(next(iter(labels.values())))})" if labels else ""
        raise WinnowError(
            f"{labels_file} in {archive.label} has no one-hot lists of two or more numbers{example}; write each label "
            "as a list with a 1 in the place of its class, and 0 elsewhere."
        )
    if class_names and len(class_names) != num_classes:
        raise WinnowError(
            f"data.class_names in params.yaml has {len(class_names)} names but the labels in {labels_file} of "
            f"{archive.label} have {num_classes} positions; list as many names, or none."
        )
    return num_classes


def _length(value: list[Any] | OneHot) -> int:
    return value.length if isinstance(value, OneHot) else len(value)


def _one_hot(value: Any, num_classes: int) -> int | None:
    """Position of the single 1, or None if `value` is no one-hot list."""
    if isinstance(value, OneHot):
        return value.position if value.length == num_classes else None
    if not isinstance(value, list) or len(value) != num_classes:
        return None
    if any(type(item) not in (int, float) or item not in (0, 1) for item in value) or sum(value) != 1:
        return None
    return value.index(1)


def _shown(value: Any) -> str:
    text = json.dumps(value.as_list() if isinstance(value, OneHot) else value)
    return text if len(text) <= 60 else text[:57] + "..."
