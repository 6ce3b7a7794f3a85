"""A table of files and labels. Files of a folder stay where they are, those of a zip or tar are put into `images/`."""

import os
from pathlib import Path

from winnow import tables
from winnow.export.originals import originals, put
from winnow.export.writer import Job

TABLE, IMAGES = "labels.csv", "images"
_COLUMNS = ("file", "label", "given_label", "action", "split")  # without labels the first alone


def write(job: Job) -> str:
    """Write it; see `writer.Job`. Files that are dropped are not in the table."""
    stays, in_place = job.staying, job.source.is_dir()
    for name, content in originals(job.archive, stays):
        if not in_place:
            put(content, job.folder / IMAGES / name, original=None)
        job.report(1)
    start = os.path.relpath(job.source.resolve(), job.final.resolve()) if in_place else IMAGES
    paths = [Path(start, name).as_posix() for name in stays["file"]]
    table = stays.assign(file=paths, label=stays["new_label"])[list(_COLUMNS if job.class_names else _COLUMNS[:1])]
    tables.write_csv(table, job.folder / TABLE)
    as_text = "dtype=str, keep_default_na=False"  # a class may be called NA
    return f"pandas.read_csv({str(job.final / TABLE)!r}, {as_text}); paths are relative to {job.final}"
