"""A table of images and nothing else: no column of labels."""

import json
from collections.abc import Sequence

from winnow.data.archive import Archive
from winnow.data.layouts.entries import Entry, Layout, id_of_file
from winnow.data.layouts.unlabelled import SKIPPED
from winnow.data.readers.table import TABLE
from winnow.errors import WinnowError

FORM = "a table (CSV, JSONL or Parquet) with a column of files and no other"
POSITIONAL = False


def matches(archive: Archive) -> bool:
    """Whether the archive is a table without labels."""
    return TABLE in archive.names() and not json.loads(archive.read(TABLE))["labelled"]


def read(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Read it; see `layouts.entries.Reader`. There are neither classes nor splits."""
    if class_names or split:
        key = "data.class_names to []" if class_names else "data.split to null"
        raise WinnowError(f"{archive.label} has files and nothing beside; set {key} in params.yaml.")
    table = json.loads(archive.read(TABLE))
    entries: dict[str, Entry] = {}
    for told, name, _ in table["rows"]:
        problem = Entry("", told, None, "no-image", f"{archive.label} names {told!r}, and there is no such file")
        entries.setdefault(name or told, Entry(name, id_of_file(name)) if name else problem)
    repeated = len(table["rows"]) - len(entries)
    notes = (f"There are no labels: {SKIPPED}", *([f"{repeated} rows repeat another."] if repeated else []))
    return Layout([], list(entries.values()), {TABLE: "labels"}, form=table["form"], notes=notes)
