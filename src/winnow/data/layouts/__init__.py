"""Which files of an archive are images, and what their labels are: a module per layout, `registry` names them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from winnow.data.archive import Archive
from winnow.data.layouts import registry
from winnow.data.layouts.entries import Entry, Layout, too_large
from winnow.data.litter import PACKED_SUFFIXES
from winnow.errors import WinnowError

__all__ = ["Entry", "Layout", "read_layout"]


def read_layout(
    archive: Archive,
    *,
    class_names: Sequence[str],
    split: str | None,
    keep: Sequence[str] | None = None,
    layout: str = registry.AUTO,
    unlabelled: bool = False,
) -> Layout:
    """Find the images and labels of an archive, by the first layout that it matches.

    Args:
        archive: open archive.
        class_names: names in label order; empty to derive them, as each layout says.
        split: which split to read, of layouts that have splits; None for `train` if there is one, or for all of an
            archive without splits.
        keep: the classes to read, in label order, of those that `class_names` names or derives; None for all.
        layout: a name of `registry.LAYOUTS`, or `auto` for the first that fits.
        unlabelled: whether a layout without labels will do.

    Returns:
        Class names; entries sorted by file name; and why each other file is left out. Several files with one `image_id`
        are all rejected: nobody can tell which of them is meant.

    Raises:
        WinnowError: if the archive has none of the layouts, its labels are unreadable, or it contradicts
            `class_names` or `split`. Faults of single images are entries with a `problem` instead.
    """
    names = archive.names()
    chosen = registry.find_layout(archive, layout=layout, unlabelled=unlabelled)
    if chosen is None:
        raise WinnowError(_no_images(archive, names, unlabelled=unlabelled))
    known = registry.LAYOUTS[chosen]
    reader = known.images
    if keep is not None and not reader.POSITIONAL:
        class_names, keep = keep, None
    found = reader.read(archive, class_names=class_names, split=split)
    if keep is not None:
        found = with_classes(found, keep)
    if (
        layout == registry.AUTO
        and known.dataset
        and not known.has_labels
        and (others := registry.others_that_fit(archive, chosen))
    ):
        note = f"It is read as {chosen} and could be {' or '.join(others)}; data.layout in params.yaml settles it."
        found = replace(found, notes=(note, *found.notes))
    if marked := [name for name in found.class_names if "<" in name]:
        raise WinnowError(
            f"the class name {marked[0]!r} holds a <, which pages that show it would take for markup; rename the class."
        )
    entries = [_readable(archive, entry) for entry in _without_shared_ids(found.entries)]
    entries = sorted(entries, key=lambda entry: (entry.file_name, entry.image_id))
    listed = {entry.file_name for entry in entries}
    left_out = dict(archive.left_out) | {
        name: found.left_out.get(name, "other") for name in names if name not in listed
    }
    return replace(found, entries=entries, left_out=left_out)


def with_classes(layout: Layout, keep: Sequence[str]) -> Layout:
    """The layout with these classes alone, labelled in this order; images of others are rejected as `unknown-class`."""
    missing = [name for name in keep if name not in layout.class_names]
    if missing:
        raise WinnowError(f"there is no class {missing[0]!r} among {', '.join(layout.class_names)}; name one of them.")
    labels = {layout.class_names.index(name): label for label, name in enumerate(keep)}

    def kept(entry: Entry) -> Entry:
        if entry.label is None or entry.label in labels:
            return replace(entry, label=None if entry.label is None else labels[entry.label])
        detail = f"the dataset is without the class {layout.class_names[entry.label]!r}"
        return replace(entry, label=None, problem="unknown-class", detail=detail)

    return replace(layout, class_names=list(keep), entries=[kept(entry) for entry in layout.entries])


def _no_images(archive: Archive, names: Sequence[str], *, unlabelled: bool) -> str:
    packed = [name for name in names if name.lower().endswith(PACKED_SUFFIXES)]
    tables = [name for name in names if name.lower().endswith(".parquet")]
    forms = ", or ".join(known.images.FORM for known in registry.LAYOUTS.values() if known.has_labels)
    if packed:
        return (
            f"{archive.label} holds no images, but the archive {packed[0]}"
            f"{f' and {len(packed) - 1} more' if len(packed) > 1 else ''}; unpack it, and set data.archive in "
            "params.yaml to what was in it."
        )
    if tables:
        return (
            f"{archive.label} holds no images, but the table {tables[0]}"
            f"{f' and {len(tables) - 1} more' if len(tables) > 1 else ''}; name that file in place of the folder."
        )
    litter = Counter(archive.left_out.values())
    without = f" (left out: {', '.join(f'{n} {reason}' for reason, n in sorted(litter.items()))})" if litter else ""
    alone = ", or images alone, without labels" if unlabelled else ""
    return f"{archive.label} holds no images{without}; it needs {forms}{alone}."


def _readable(archive: Archive, entry: Entry) -> Entry:
    if entry.problem or (words := too_large(archive, entry.file_name)) is None:
        return entry
    return replace(entry, label=None, problem="too-large", detail=words)


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
