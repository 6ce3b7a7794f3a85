"""Writing the cleaned dataset of a workspace: all of it, or nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from winnow import tables
from winnow.data.archive import Archive, open_archive
from winnow.data.layouts import read_layout
from winnow.data.layouts.registry import find_layout
from winnow.data.metadata import is_located
from winnow.data.replacing import replacing_folder
from winnow.errors import WinnowError
from winnow.export import DROPPED_APART, FORMATS, OWN
from winnow.export.changes import changed, counts, file_table
from winnow.export.writer import Job
from winnow.params import load_params
from winnow.params.dataset import Data
from winnow.progress import progress
from winnow.workspace import Workspace

CHANGES = "changes.csv"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        counts: files by action, `keep`, `relabel`, `drop` and `reject`; they add up to the files of the dataset.
        opens: how to open it, in words.
        folder: where it is.
        dropped: whether dropped files were written too.
        located: how many of the files written say where they were taken (GPS); the bytes are the original ones.
        labelled: whether images have labels.
        boxes_in: the format that would have kept the dataset's boxes; "" where none were lost.
    """

    counts: dict[str, int]
    opens: str
    folder: Path
    dropped: bool
    located: int = 0
    labelled: bool = True
    boxes_in: str = ""

    @property
    def summary(self) -> str:
        """All of it in words."""
        keep, relabel, drop, reject = self.counts.values()
        apart = f", which are in {self.folder / 'dropped'}" if self.dropped and drop else ""
        without = [
            *([f"{drop:,} dropped{apart}"] if drop else []),
            *([f"{reject:,} that could not be read"] if reject else []),
        ]
        boxes = f"\nBoxes are not in it; --format {self.boxes_in} keeps them." if self.boxes_in else ""
        where = (
            f"\n{self.located:,} of the files say where they were taken (GPS in their EXIF), for they are the original "
            f"bytes; before you pass them on: exiftool -r -gps:all= {self.folder}"
            if self.located
            else ""
        )
        labels = f": {keep:,} with the label they came with, {relabel:,} with a new one" if self.labelled else ""
        return (
            f"wrote {keep + relabel:,} of {sum(self.counts.values()):,} images to {self.folder}{labels}"
            f"{'; without ' if without else ''}{' and '.join(without)}.\n"
            f"{self.folder / CHANGES} has each change with its reason. Open it: {self.opens}{boxes}{where}"
        )


def export_workspace(workspace: Path, to: Path, *, form: str | None, dropped: bool, link: bool) -> Exported:
    """`export_dataset` of what the pipeline decided in a workspace; no form is `imagefolder`, without labels the layout
    that the dataset came in."""
    made_in, data = Workspace(workspace), load_params(workspace / "params.yaml").data
    _require_outside(to, workspace / "data/raw")
    has_boxes = len(made_in.table("objects")) > 0
    own = _own_form(workspace, data) if has_boxes or not made_in.class_names else "imagefolder"
    form, rejected = form or own, made_in.table("rejected")
    exported = export_dataset(
        to,
        made_in.table("ledger"),
        rejected,
        class_names=made_in.class_names,
        rejected_labels=_given_labels(workspace, data) if made_in.class_names and len(rejected) else {},
        source=workspace / data.archive,
        form=form,
        dropped=dropped,
        link=link,
        max_unpacked_bytes=data.max_unpacked_gb * 2**30,
    )
    return replace(exported, boxes_in=own if has_boxes and form != own else "")


def _given_labels(workspace: Path, data: Data) -> dict[str, str]:
    """The names of the labels that files came with, by path; the ledger has none of files that could not be read."""
    with open_archive(workspace / data.archive, max_unpacked_bytes=data.max_unpacked_gb * 2**30) as archive:
        found = read_layout(
            archive, class_names=data.class_names, split=data.split, layout=data.layout, unlabelled=True
        )
    return {entry.file_name: found.class_names[entry.label] for entry in found.entries if entry.label is not None}


def _require_outside(to: Path, dataset: Path) -> None:
    if dataset.resolve() in to.resolve().parents:
        raise WinnowError(f"{to} lies in the dataset; name a folder outside {dataset} with --to.")


def _own_form(workspace: Path, data: Data) -> str:
    with open_archive(workspace / data.archive, max_unpacked_bytes=data.max_unpacked_gb * 2**30) as archive:
        came = find_layout(archive, layout=data.layout, unlabelled=True)
        return came if came in OWN else "flat"


def export_dataset(
    to: Path,
    ledger: pd.DataFrame,
    rejected: pd.DataFrame,
    *,
    class_names: Sequence[str],
    source: Path,
    rejected_labels: Mapping[str, str] = MappingProxyType({}),
    form: str = "imagefolder",
    dropped: bool = False,
    link: bool = False,
    max_unpacked_bytes: float,
) -> Exported:
    """Write the original files with corrected labels.

    Args:
        to: a new or empty folder.
        ledger: a row per image, as `select_validation` writes it.
        rejected: a row per file that could not be read.
        class_names: K names, in label order.
        source: the dataset that the ledger is of.
        rejected_labels: as of `file_table`.
        form: a name of FORMATS.
        dropped: whether to write dropped files too, apart from the others; of DROPPED_APART only.
        link: whether to link files of a folder instead of copying them: to change one then changes the original.
        max_unpacked_bytes: as of `open_archive`.

    Raises:
        WinnowError: if the folder lies in the dataset or holds something, the form is unknown or cannot hold what is
            asked for, or a file is not what it was when the ledger was made. Nothing is left of an export that failed.
    """
    if form not in FORMATS:
        raise WinnowError(f"there is no format {form!r}; name one of {', '.join(FORMATS)}.")
    if dropped and form not in DROPPED_APART:
        raise WinnowError(f"{form} has no place for dropped files; leave --dropped out, {CHANGES} lists them.")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise WinnowError(f"{to} is there already; name a new folder with --to.")
    _require_outside(to, source)
    files = file_table(ledger, rejected, class_names=class_names, rejected_labels=rejected_labels)
    wanted = files[files["action"].isin(["keep", "relabel", *(["drop"] if dropped else [])])]
    with (
        replacing_folder(to) as unfinished,
        open_archive(source, max_unpacked_bytes=max_unpacked_bytes) as archive,
        progress("export", len(wanted)) as report,
    ):
        looked_at = _LookedAt(archive)
        job = Job(
            folder=unfinished,
            files=wanted,
            archive=looked_at,
            class_names=class_names,
            source=source,
            final=to,
            link=link,
            report=report,
        )
        opens = FORMATS[form](job)
        tables.write_csv(changed(files), unfinished / CHANGES, float_format="%.4f", guarded=True)
    found = counts(files)
    assert sum(found.values()) == len(ledger) + len(rejected), "every file is in one of the counts"
    return Exported(found, opens, to, dropped, looked_at.located, labelled=bool(class_names))


class _LookedAt:
    """An archive, and how many of the files read from it say where they were taken."""

    def __init__(self, archive: Archive) -> None:
        self.label, self.left_out, self.located = archive.label, archive.left_out, 0
        self._archive = archive

    def names(self) -> list[str]:
        return self._archive.names()

    def size(self, name: str) -> int:
        return self._archive.size(name)

    def empty_folders(self) -> list[str]:
        return self._archive.empty_folders()

    def read(self, name: str) -> bytes:
        return self._archive.read(name)

    def items(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for name, content in self._archive.items(names):
            self.located += is_located(content)
            yield name, content
