"""ImageFolder: `images/<label>/<file>`, and what was dropped in `dropped/<rule>/<label>/<file>`."""

import posixpath
import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from winnow.errors import WinnowError
from winnow.export.originals import originals, put
from winnow.export.writer import Job

IMAGES, DROPPED = "images", "dropped"
_LOADED = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")  # by torchvision, unless told


def write(job: Job) -> str:
    """Write it; see `writer.Job`."""
    if not job.class_names:
        raise WinnowError(
            f"{job.source} has no labels, which imagefolder needs; export as csv or parquet, or as it came: without "
            "--format."
        )
    targets = places(job.files, folder_names(job.class_names))
    linked = job.link and job.source.is_dir()
    for name, content in originals(job.archive, job.files):
        put(content, job.folder / targets[name], original=job.source / name if linked else None)
        job.report(1)
    others = not job.files["file"].str.lower().str.endswith(_LOADED).all()
    every = ", is_valid_file=lambda path: True" if others else ""
    return f"torchvision.datasets.ImageFolder({str(job.final / IMAGES)!r}{every})"


def folder_names(class_names: Sequence[str]) -> dict[str, str]:
    """A folder's name for each class: its own, without what a path cannot hold.

    Raises:
        WinnowError: if two classes would share a folder.
    """
    folders = {name: re.sub(r"[/\\\0]", "-", name).strip() or "_" for name in class_names}
    folders = {name: f"_{folder}" if folder.startswith(".") else folder for name, folder in folders.items()}
    for folder, count in Counter(folder.casefold() for folder in folders.values()).items():
        if count > 1:
            alike = [name for name, own in folders.items() if own.casefold() == folder]
            raise WinnowError(
                f"the classes {alike[0]!r} and {alike[1]!r} would share a folder; export as csv or parquet."
            )
    return folders


def places(files: pd.DataFrame, folders: dict[str, str]) -> dict[str, str]:
    """Where each file goes, relative to the export, under its own name.

    Args:
        files: as `writer.Job` says.
        folders: of `folder_names`.

    Returns:
        By file. Of several that would have one path, one whose label is as it came keeps it, and the others have their
        digest behind the name, or a number where that is the same too.
    """
    taken: set[str] = set()
    found: dict[str, str] = {}
    columns = (files[name].astype(str) for name in ("given_label", "new_label", "rule", "bytes_sha256", "file"))
    for given, new, rule, digest, file in sorted(
        zip(*columns, strict=True), key=lambda row: (row[0] != row[1], row[4])
    ):
        parent = posixpath.join(IMAGES, folders[new]) if new else posixpath.join(DROPPED, rule, folders.get(given, ""))
        place = wanted = posixpath.join(parent, posixpath.basename(file))
        stem, suffix = posixpath.splitext(wanted)
        number = 1
        while place.casefold() in taken:
            place = f"{stem}-{digest[:8]}{'' if number == 1 else f'-{number}'}{suffix}"
            number += 1
        taken.add(place.casefold())
        found[file] = place
    return found
