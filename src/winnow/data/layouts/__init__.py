"""Which files of an archive are images, and what their labels are: a module per layout.

To add one, write a module here with what `Reader` asks for, and name it in LAYOUTS.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from winnow.data.archive import Archive
from winnow.data.layouts import course, imagefolder
from winnow.data.layouts.entries import Entry, Layout, Reader
from winnow.errors import WinnowError

__all__ = ["LAYOUTS", "Entry", "Layout", "read_layout"]

LAYOUTS: tuple[Reader, ...] = (course, imagefolder)
"""In this order: an archive is read by the first layout that it matches."""


def read_layout(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Find the images and labels of an archive, by the first of LAYOUTS that its names match.

    Args:
        archive: open archive.
        class_names: names in label order; empty to derive them, as each layout says.
        split: which split to read, of layouts that have splits; None for `train` if there is one, or for all of an
            archive without splits.

    Returns:
        Class names, and entries sorted by file name. Several files with one `image_id` are all rejected: nobody can
        tell which of them is meant.

    Raises:
        WinnowError: if the archive has none of the layouts, its labels are unreadable, or it contradicts
            `class_names` or `split`. Faults of single images are entries with a `problem` instead.
    """
    names = archive.names()
    reader = next((reader for reader in LAYOUTS if reader.matches(names)), None)
    if reader is None:
        forms = ", or ".join(reader.FORM for reader in LAYOUTS)
        raise WinnowError(f"{archive.label} holds no images; it needs {forms}.")
    layout = reader.read(archive, class_names=class_names, split=split)
    entries = sorted(_without_shared_ids(layout.entries), key=lambda entry: (entry.file_name, entry.image_id))
    return Layout(layout.class_names, entries)


def _without_shared_ids(entries: list[Entry]) -> list[Entry]:
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
