"""WebDataset: the parts of a sample share a name up to its first dot, `<key>.jpg` and `<key>.cls`.

Source: github.com/webdataset/webdataset, "The WebDataset Format": `.cls` holds the class as text, mostly a number.
"""

import posixpath
from collections.abc import Sequence

from winnow.data.archive import Archive
from winnow.data.layouts.collection import images_of
from winnow.data.layouts.entries import Entry, Layout, id_of_file
from winnow.data.litter import companion
from winnow.errors import WinnowError

FORM = "images and .cls files of the same names (WebDataset)"
POSITIONAL = False
_LABEL = ".cls"


def matches(archive: Archive) -> bool:
    """Whether an image has such a file."""
    labelled = {_key(name) for name in archive.names() if name.endswith(_LABEL)}
    return any(_key(name) in labelled for name in images_of(archive))


def read(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Read it; see `entries.Reader`. There are no splits: a tar is one.

    Classes are those given, in order, else the contents of the `.cls` files, sorted: as numbers if all of them are.
    """
    if split:
        raise WinnowError(f"{archive.label} has no splits; set data.split or data.test_split in params.yaml to null.")
    of_labels = [name for name in archive.names() if name.endswith(_LABEL)]
    labels = {_key(name): content.decode(errors="replace").strip() for name, content in archive.items(of_labels)}
    images = images_of(archive)
    given = {labels[key] for key in map(_key, images) if labels.get(key)}
    numbers = all(label.isdecimal() for label in given)
    names = list(class_names) or (sorted(given, key=int) if numbers else sorted(given))
    if len(names) < 2:
        raise WinnowError(f"{archive.label} has labels of {len(names)} classes; it needs two or more.")
    positions = {name: label for label, name in enumerate(names)}
    if class_names and numbers and not given <= set(names):  # the numbers are places in the list of names
        positions = {str(label): label for label in range(len(names))}
    entries = [_entry(name, labels.get(_key(name), ""), positions) for name in images]
    entries += [
        Entry("", key, None, "no-image", f"{key}{_LABEL} is of no image")
        for key in sorted(set(labels) - set(map(_key, images)))
    ]
    others = {name: companion(name) or "other" for name in set(archive.names()) - set(images)}
    left_out = others | dict.fromkeys(of_labels, "labels")
    return Layout(names, entries, left_out, form="WebDataset, labels in .cls files")


def _entry(name: str, label: str, positions: dict[str, int]) -> Entry:
    image_id = id_of_file(name)
    if not label:
        return Entry(name, image_id, None, "no-label", f"there is no {_LABEL} file for it, or an empty one")
    if label not in positions:
        return Entry(name, image_id, None, "unknown-class", f"{label!r} is not among {', '.join(positions)}")
    return Entry(name, image_id, positions[label])


def _key(name: str) -> str:
    folder, file = posixpath.split(name)
    return posixpath.join(folder, file.partition(".")[0])
