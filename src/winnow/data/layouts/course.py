"""The course's layout: `<root>/imgs/img_<key>.<jpg, png, ...>` and `<root>/data-labels.json` with one-hot lists."""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from winnow.data.archive import Archive
from winnow.data.layouts.entries import IMAGE_SUFFIXES, Entry, Layout
from winnow.errors import WinnowError

LABELS_FILE = "data-labels.json"
IMAGES_FOLDER = "imgs"
_COURSE_NAME = re.compile(r"img_[A-Za-z0-9._-]+", re.ASCII)


def _course(archive: Archive, names: list[str], labels_file: str, class_names: Sequence[str]) -> Layout:
    root = posixpath.dirname(labels_file)
    folder = posixpath.join(root, IMAGES_FOLDER) + "/"
    files = [name for name in names if name.startswith(folder)]
    if not files:
        raise WinnowError(
            f"{archive.label} has {labels_file} but no files in {folder} beside it; put the images there."
        )
    labels = _labels(archive, labels_file)
    n_classes = _label_length(archive, labels_file, labels, class_names)
    entries, seen = [], set()
    for name in files:
        key, suffix = posixpath.splitext(name.removeprefix(folder))
        if not _COURSE_NAME.fullmatch(key) or suffix.lower() not in IMAGE_SUFFIXES:
            entries.append(Entry(name, "", None, "bad-name", f"not {folder}img_<key>.jpg (or .png and so on)"))
            continue
        seen.add(key)
        if key not in labels:
            entries.append(Entry(name, key, None, "no-label", f"{labels_file} has no key {key!r}"))
            continue
        label = _one_hot(labels[key], n_classes)
        if label is None:
            detail = f"{_shown(labels[key])} is no one-hot list of {n_classes} numbers"
            entries.append(Entry(name, key, None, "bad-label", detail))
        else:
            entries.append(Entry(name, key, label))
    for key in labels.keys() - seen:
        entries.append(Entry("", key, None, "no-image", f"{labels_file} labels {key!r} but {folder} has no such file"))
    return Layout(list(class_names) or [str(label) for label in range(n_classes)], entries)


def _labels(archive: Archive, labels_file: str) -> dict[str, Any]:
    where = f"{labels_file} in {archive.label}"
    try:
        text = archive.read(labels_file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WinnowError(f"{where} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None

    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            key = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            places = [match.start() for match in re.finditer(re.escape(json.dumps(key, ensure_ascii=False)), text)]
            line = f" (line {text.count(chr(10), 0, places[1]) + 1})" if len(places) > 1 else ""
            raise WinnowError(f"{where} has the key {key!r} twice{line}; keep one of them.")
        return content

    try:
        labels = json.loads(text, object_pairs_hook=without_repeats)
    except json.JSONDecodeError as error:
        raise WinnowError(
            f"{where} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; mend it there."
        ) from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise WinnowError(f"{where} is not valid JSON ({error}); write it again.") from None
    if not isinstance(labels, dict):
        raise WinnowError(f'{where} is not an object; it must look like {{"img_<key>": [0, 1, 0, ...], ...}}.')
    return labels


def _label_length(archive: Archive, labels_file: str, labels: dict[str, Any], class_names: Sequence[str]) -> int:
    lengths = Counter(len(value) for value in labels.values() if isinstance(value, list))
    n_classes = max(lengths, key=lambda length: (lengths[length], length), default=0)
    if n_classes < 2:
        raise WinnowError(
            f"{labels_file} in {archive.label} has no one-hot lists of two or more numbers; mend the labels."
        )
    if class_names and len(class_names) != n_classes:
        raise WinnowError(
            f"data.class_names in params.yaml has {len(class_names)} names but the labels in {labels_file} of "
            f"{archive.label} have {n_classes} positions; list as many names, or none."
        )
    return n_classes


def _one_hot(value: Any, n_classes: int) -> int | None:
    """Position of the single 1, or None if `value` is no one-hot list."""
    if not isinstance(value, list) or len(value) != n_classes:
        return None
    if any(type(item) not in (int, float) or item not in (0, 1) for item in value) or sum(value) != 1:
        return None
    return value.index(1)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
