"""A table of images and labels: CSV, TSV, JSONL or Parquet. `readers.table` has how both are found in it."""

import json
from collections.abc import Sequence

from winnow.data.archive import Archive
from winnow.data.layouts.entries import Entry, Layout, id_of_file
from winnow.data.readers.table import TABLE
from winnow.errors import WinnowError

FORM = "a table (CSV, JSONL or Parquet) with a column of files and one of labels"
POSITIONAL = False


def matches(archive: Archive) -> bool:
    """Whether the archive is a table with labels."""
    return TABLE in archive.names() and bool(json.loads(archive.read(TABLE))["labelled"])


def read(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Read it; see `layouts.entries.Reader`. There are no splits.

    Classes are those that the table lists (Hugging Face's names, a column per class), else its labels, sorted: as
    numbers if all of them are.
    """
    if split:
        raise WinnowError(f"{archive.label} has no splits; set data.split or data.test_split in params.yaml to null.")
    table = json.loads(archive.read(TABLE))
    rows: list[tuple[str, str, str | None]] = [tuple(row) for row in table["rows"]]
    given = sorted({label for _, _, label in rows if label is not None}, key=_by_number)
    names = list(class_names) or table["class_names"] or given
    if len(names) < 2:
        raise WinnowError(f"{archive.label} has labels of {len(names)} classes; it needs two or more.")
    positions = {name: label for label, name in enumerate(names)}
    entries: list[Entry] = []
    first: dict[str, str | None] = {}
    repeated = 0
    for told, name, label in rows:
        if name and first.get(name, ()) == label:
            repeated += 1
            continue
        first[name] = label
        entries.append(_entry(told, name, label, positions, archive.label))
    notes = (f"{repeated} rows repeat another.",) if repeated else ()
    return Layout(names, entries, {TABLE: "labels"}, form=table["form"], notes=notes)


def _entry(told: str, name: str, label: str | None, positions: dict[str, int], where: str) -> Entry:
    if not name:
        return Entry("", told, None, "no-image", f"{where} names {told!r}, and there is no such file")
    image_id = id_of_file(name)  # a corrected label leaves it as it is
    if label is None:
        return Entry(name, image_id, None, "no-label", f"{where} has no label, or no single one, for {told!r}")
    if label not in positions:
        return Entry(name, image_id, None, "unknown-class", f"{label!r} is not among {', '.join(positions)}")
    return Entry(name, image_id, positions[label])


def _by_number(label: str) -> tuple[float, str]:
    return (float(label) if label.lstrip("-").isdigit() else float("inf"), label)
