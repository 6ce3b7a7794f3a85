"""Which files of an archive are images, and what their labels are: the course layout and ImageFolder."""

import hashlib
import json
import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from winnow.data.archive import Archive
from winnow.errors import WinnowError

LABELS_FILE = "data-labels.json"
IMAGES_FOLDER = "imgs"
IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# Pictures that winnow cannot read, and files that may be pictures: told, and not passed over like notes and tables.
_OTHER_SUFFIXES = (
    "",
    ".avif",
    ".cr2",
    ".dng",
    ".heic",
    ".heif",
    ".jfif",
    ".jp2",
    ".jpe",
    ".jxl",
    ".nef",
    ".psd",
    ".svg",
)
_LONGEST_STEM = 150  # of an image's id: a file system takes 255, and a copy's name is longer
_COURSE_NAME = re.compile(r"img_[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One image as the layout tells of it, before its bytes are looked at.

    Attributes:
        file_name: path inside the archive, "" if there is none (`no-image`).
        image_id: `img_<key>`, "" if the name has none (`bad-name`).
        label: position in the class names, None if unknown.
        problem: "" or why the image is rejected: `bad-name`, `no-label`, `bad-label`, `no-image`, `unknown-class`,
            `duplicate-id`.
        detail: the problem in words.
    """

    file_name: str
    image_id: str
    label: int | None = None
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Layout:
    """Class names in label order, and the entries sorted by file name."""

    class_names: list[str]
    entries: list[Entry]


def read_layout(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Find the images and labels of an archive.

    Course layout: `<root>/imgs/img_<key>.<jpg, png, ...>` and `<root>/data-labels.json` with one-hot lists.
    ImageFolder: `<label>/<file>` or `<split>/<label>/<file>` below any common root; ids are `img_<label>-<stem>`, with
    a digest of the path behind where that alone would not tell files apart, or holds letters that a name may not.

    Args:
        archive: open archive.
        class_names: names in label order; empty to derive them ("0" to "K-1", or the sorted folder names).
        split: which split of an ImageFolder to read; None for `train` if there is one, or for all of an archive without
            splits. A course layout has none.

    Raises:
        WinnowError: if the archive has neither layout, its labels file is unreadable, or it contradicts
            `class_names` or `split`. Faults of single images are entries with a `problem` instead.
    """
    names = archive.names()
    labels_files = [name for name in names if posixpath.basename(name) == LABELS_FILE]
    if len(labels_files) > 1:
        raise WinnowError(
            f"{archive.label} holds {len(labels_files)} files {LABELS_FILE} ({', '.join(labels_files[:3])}); "
            "winnow reads one data set at a time, so pack them apart."
        )
    if labels_files:
        layout = _course(archive, names, labels_files[0], class_names)
    else:
        for name in names:
            if posixpath.basename(posixpath.dirname(name)) == IMAGES_FOLDER:
                raise WinnowError(
                    f"{archive.label} has images in {posixpath.dirname(name)}/ but no {LABELS_FILE} beside that "
                    "folder; add the labels file."
                )
        layout = _image_folder(archive, names, class_names, split)
    entries = sorted(_without_shared_ids(layout.entries), key=lambda entry: (entry.file_name, entry.image_id))
    return Layout(layout.class_names, entries)


def _without_shared_ids(entries: list[Entry]) -> list[Entry]:
    """Reject all of several files with one image_id: nobody can tell which of them is meant."""
    files = defaultdict(list)
    for entry in entries:
        if entry.file_name and entry.image_id:
            files[entry.image_id].append(entry.file_name)
    return [
        replace(
            entry,
            label=None,
            problem="duplicate-id",
            detail=f"{', '.join(sorted(files[entry.image_id]))} share the id {entry.image_id}; rename all but one",
        )
        if len(files[entry.image_id]) > 1
        else entry
        for entry in entries
    ]


# --- course layout ---


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


# --- ImageFolder ---


def _image_folder(archive: Archive, names: list[str], class_names: Sequence[str], split: str | None) -> Layout:
    images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
    if not images:
        raise WinnowError(
            f"{archive.label} holds no images; it needs <root>/{IMAGES_FOLDER}/ and <root>/{LABELS_FILE}, or "
            "<label>/<image> folders."
        )
    root, levels = _image_folder_root(images)
    if levels == 0:
        raise WinnowError(
            f"{archive.label} has all its images in {root or 'its root'}; put each class into a folder of its own, "
            "two classes or more."
        )
    if levels > 2:
        raise WinnowError(
            f"{archive.label} has its images {levels} folders below {root or 'its root'}; winnow reads "
            f"<label>/<image> or <split>/<label>/<image>, or <root>/{IMAGES_FOLDER}/ with <root>/{LABELS_FILE}."
        )
    if levels == 1 and split and posixpath.basename(root) != split:
        there = f"its images are all in {root}" if root else "it has no splits"
        key = "data.split or data.test_split"
        raise WinnowError(f"{archive.label} has no split {split!r} ({there}); set {key} in params.yaml to null.")
    if levels == 2:
        root = posixpath.join(root, _chosen_split(archive, images, root, split))
    below = [name for name in images if not root or name.startswith(root + "/")]
    parts = {name: name[len(root) :].lstrip("/").split("/") for name in below}
    folders = {part[0] for part in parts.values() if len(part) == 2}
    names_of_classes = list(class_names) or sorted({_composed(folder) for folder in folders})
    labels = {_composed(name): label for label, name in enumerate(names_of_classes)}
    ids = _image_ids("/".join(part) for part in parts.values() if len(part) == 2)
    misplaced = [name for name in images if len(parts.get(name, ())) != 2]
    if levels == 2:
        misplaced = [name for name in misplaced if not _in_other_split(name, root)]
    wanted = posixpath.join(root, "<label>", "<image>")
    entries = [Entry(name, "", None, "bad-name", f"not {wanted}") for name in misplaced]
    unread = f"its name ends with none of {', '.join(IMAGE_SUFFIXES)}"
    label_folders = {posixpath.join(root, folder) for folder in folders}
    entries += [
        Entry(name, "", None, "bad-name", unread)
        for name in names
        if posixpath.splitext(name)[1].lower() in _OTHER_SUFFIXES and posixpath.dirname(name) in label_folders
    ]
    for name in below:
        if len(parts[name]) != 2:
            continue
        folder, image_id = _composed(parts[name][0]), ids["/".join(parts[name])]
        if folder in labels:
            entries.append(Entry(name, image_id, labels[folder]))
        else:
            detail = f"{folder!r} is not among data.class_names ({', '.join(class_names)})"
            entries.append(Entry(name, image_id, None, "unknown-class", detail))
    return Layout(names_of_classes, entries)


def _composed(name: str) -> str:
    """The name with composed letters: macOS stores an umlaut as two characters, keyboards type it as one."""
    return unicodedata.normalize("NFC", name)


def _in_other_split(name: str, chosen: str) -> bool:
    """Whether an image lies as deep beside the chosen split as the images in it."""
    parent = posixpath.join(posixpath.dirname(chosen), "")
    return name.startswith(parent) and name.count("/") == chosen.count("/") + 2


def _image_ids(paths: Iterable[str]) -> dict[str, str]:
    """An id of its own for each `<label>/<file>`, readable where the path is in plain letters and not too long."""
    plain = {path: re.sub(r"[^A-Za-z0-9.-]", "-", posixpath.splitext(path)[0]) for path in paths}
    uses = Counter(plain.values())
    return {
        path: f"img_{stem}"
        if path.isascii() and uses[stem] == 1 and len(stem) <= _LONGEST_STEM
        else f"img_{stem[:_LONGEST_STEM]}-{_digest(path)}"
        for path, stem in plain.items()
    }


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:8]


def _image_folder_root(images: list[str]) -> tuple[str, int]:
    """The folder that all images of the commonest depth share, and how many levels of folders are between. Images in
    one folder alone (a test set without labels, say) count only if there are no others."""
    folders = [posixpath.dirname(name).split("/") if "/" in name else [] for name in images]
    depths = Counter(len(folder) for folder in folders)
    roots = []
    for depth in sorted(depths, key=lambda depth: (depths[depth], depth), reverse=True):
        common = posixpath.commonprefix([folder for folder in folders if len(folder) == depth])
        roots.append(("/".join(common), depth - len(common)))
    return next((root for root in roots if root[1] > 0), roots[0])


def _chosen_split(archive: Archive, images: list[str], root: str, split: str | None) -> str:
    start = len(root) + 1 if root else 0
    splits = sorted({name[start:].split("/")[0] for name in images if name[start:].count("/") == 2})
    chosen = split or "train"
    if chosen not in splits:
        asked = f"no split {split!r}" if split else "several splits and none called 'train'"
        raise WinnowError(f"{archive.label} has {asked}; set data.split in params.yaml to one of {', '.join(splits)}.")
    return chosen
