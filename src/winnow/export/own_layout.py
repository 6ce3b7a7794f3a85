"""The layout that a dataset came in: the same files, names and bytes, only fewer, and annotations of what is left.

What was dropped lies in `dropped/<rule>/` where that is wanted, under the path that it had.
"""

import posixpath

from winnow.data.layouts.registry import LAYOUTS, read_dataset
from winnow.data.readers.table import TABLE
from winnow.errors import WinnowError
from winnow.export.originals import originals, put
from winnow.export.writer import Job, Writer

DROPPED = "dropped"


def writer_of(layout: str) -> Writer:
    """The `Writer` for datasets of a layout, a name of `LAYOUTS` that keeps annotations."""

    def write(job: Job) -> str:
        _require(layout, job)
        dataset = read_dataset(job.archive, layout=layout)
        kept, images = set(job.staying["file"]), {item.file for item in dataset.items}
        if strange := sorted(kept - images):
            raise WinnowError(f"{strange[0]} is no image of the {layout} dataset; export as csv.")
        linked = job.link and job.source.is_dir()
        rules: dict[str, str] = dict(zip(job.files["file"], job.files["rule"], strict=True))
        for name, content in originals(job.archive, job.files):
            target = name if name in kept else posixpath.join(DROPPED, rules[name], name)
            put(content, job.folder / target, original=job.source / name if linked else None)
            job.report(1)
        changed = dataset.without(images - kept)
        others = set(job.archive.names()) - images - {TABLE, *(name for name, new in changed.items() if new is None)}
        for name, content in job.archive.items(sorted(others)):
            new = changed.get(name)
            put(content if new is None else new, job.folder / name, original=None)
        return f"{dataset.form}, as it came: {job.final}"

    return write


def _require(layout: str, job: Job) -> None:
    """Refuse what would lose labels, or a dataset that came as something else."""
    if job.class_names:
        raise WinnowError(
            f"{layout} has no place for the label of an image, which {job.source} has; export as imagefolder, csv or "
            "parquet."
        )
    reader = LAYOUTS[layout].dataset
    if reader is None or not reader.matches(job.archive):
        raise WinnowError(
            f"--format {layout} writes back what came so, and {job.source} did not; export as flat, csv or parquet, or "
            "as it came: without --format."
        )
