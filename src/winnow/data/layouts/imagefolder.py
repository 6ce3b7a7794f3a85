"""ImageFolder: `<label>/<file>` or `<split>/<label>/<file>` below any common root.

Ids are `img_<label>-<stem>`, with a digest of the path behind where that alone would not tell files apart, or holds
letters that a name may not.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from winnow.data.archive import Archive
from winnow.data.layouts.entries import IMAGE_SUFFIXES, Entry, Layout
from winnow.errors import WinnowError

FORM = "<label>/<image> folders"
# Pictures that winnow cannot read, and files that may be pictures: rejected, and not passed over like notes and tables.
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


def matches(names: Sequence[str]) -> bool:
    """Whether there are images at all."""
    return any(name.lower().endswith(IMAGE_SUFFIXES) for name in names)


def read(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Read it; see `layouts.entries.Reader`. Classes are the sorted names of their folders if not named."""
    names = archive.names()
    images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
    root, levels = _image_folder_root(images)
    if levels == 0:
        raise WinnowError(
            f"{archive.label} has all its images in {root or 'its root'}; put each class into a folder of its own, "
            "two classes or more."
        )
    if levels > 2:
        raise WinnowError(
            f"{archive.label} has its images {levels} folders below {root or 'its root'}; winnow reads "
            "<label>/<image> or <split>/<label>/<image>."
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
