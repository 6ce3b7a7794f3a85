"""What an archive was read as, in lines for a person."""

from collections.abc import Iterator

from winnow.data.manifest import Manifest

_CLASSES = 60
_GROUPS = {"conversions": "converted", "repairs": "repaired", "rejected": "rejected", "left_out": "left out"}


def reading_lines(dataset: Manifest) -> Iterator[str]:
    """The layout, the images per class, what was converted, repaired, rejected and left out and why, and the notes."""
    counts = dataset.counts
    yield f"  layout: {dataset.form}"
    yield f"  {'class':<30}{'images':>8}"
    per_class = [(name, int(counts[f"classes.{name}"])) for name in dataset.class_names]
    for name, images in per_class[:_CLASSES]:
        yield f"  {name:<30}{images:>8}"
    if rest := [images for _, images in per_class[_CLASSES:]]:
        yield f"  {f'and {len(rest)} classes more':<30}{sum(rest):>8}"
    for name, number in counts.items():
        group, _, kind = name.partition(".")
        if group in _GROUPS and kind:
            yield f"  {_GROUPS[group]:<10}{kind:<20}{number:>8}"
    for note in dataset.notes:
        yield f"note: {note}"


def reading_headline(dataset: Manifest, rejected: str) -> str:
    """The files of the archive, and what became of them, in one line; `rejected` is the file that says why."""
    counts = dataset.counts
    changed = " and ".join(f"{counts[name]} {name}" for name in ("converted", "repaired") if counts[name])
    return (
        f"{counts['files']} files in the archive, {counts['left_out']} left out; {counts['images_in']} images in, "
        f"{counts['accepted']} accepted{f' ({changed})' if changed else ''}, "
        f"{counts['rejected']} rejected{f' ({rejected} says why)' if counts['rejected'] else ''}"
    )
