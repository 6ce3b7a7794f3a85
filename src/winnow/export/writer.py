"""What the writer of a format is given and gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from winnow.data.archive import Archive
from winnow.progress import Reporter


@dataclass(frozen=True, kw_only=True)
class Job:
    """A dataset to write.

    Attributes:
        folder: new; where to write.
        files: a row per file to write, of `changes.file_table`; those that are dropped are wanted all the same, apart
            from the others.
        archive: the dataset, open.
        class_names: K names, in label order; none where images have no labels.
        source: path of the dataset.
        final: what the folder will be called when all is written.
        link: whether to link files of a folder instead of copying them.
        report: takes the number of files written.
    """

    folder: Path
    files: pd.DataFrame
    archive: Archive
    class_names: Sequence[str]
    source: Path
    final: Path
    link: bool
    report: Reporter

    @property
    def staying(self) -> pd.DataFrame:
        """The files that are not dropped."""
        return self.files[self.files["action"] != "drop"]


Writer = Callable[[Job], str]
"""Writes the images that stay, and may write those that do not; gives how to open them, in words."""
