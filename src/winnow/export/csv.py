"""A table of files and labels. Files of a folder stay where they are, those of a zip or tar are put into `images/`."""

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from winnow import tables
from winnow.data.archive import Archive
from winnow.export.originals import originals, put
from winnow.progress import Reporter

TABLE, IMAGES = "labels.csv", "images"
_COLUMNS = ("file", "label", "given_label", "action", "split")


def write(
    folder: Path,
    files: pd.DataFrame,
    archive: Archive,
    *,
    class_names: Sequence[str],
    source: Path,
    final: Path,
    link: bool,
    report: Reporter,
) -> str:
    """Write it; see `writer.Writer`. Files that are dropped are not in the table."""
    stays = files[files["new_label"] != ""]
    in_place = source.is_dir()
    for name, content in originals(archive, stays):
        if not in_place:
            put(content, folder / IMAGES / name, original=None)
        report(1)
    start = os.path.relpath(source.resolve(), final.resolve()) if in_place else IMAGES
    paths = [Path(start, name).as_posix() for name in stays["file"]]
    table = stays.assign(file=paths, label=stays["new_label"])[list(_COLUMNS)]
    tables.write_csv(table, folder / TABLE)
    return f"pandas.read_csv({str(final / TABLE)!r}); paths are relative to {final}"
