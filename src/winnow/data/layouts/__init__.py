"""Which files of an archive are images, and what their labels are: the course layout and ImageFolder."""

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from winnow.data.archive import Archive
from winnow.data.layouts.course import IMAGES_FOLDER, LABELS_FILE, _course
from winnow.data.layouts.entries import Entry, Layout
from winnow.data.layouts.imagefolder import _image_folder
from winnow.errors import WinnowError

__all__ = ["Entry", "Layout", "read_layout"]


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
