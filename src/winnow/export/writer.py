"""What the writer of a format is given and gives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from winnow.data.archive import Archive
from winnow.progress import Reporter


class Writer(Protocol):
    """Writes the images that stay, and may write those that do not."""

    def __call__(
        self,
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
        """Write a dataset.

        Args:
            folder: new; where to write.
            files: a row per file to write, of `changes.file_table`; those with a `new_label` "" are dropped and wanted
                all the same, apart from the others.
            archive: the dataset, open.
            class_names: K names, in label order.
            source: path of the dataset.
            final: what the folder will be called when all is written.
            link: whether to link files of a folder instead of copying them.
            report: takes the number of files written.

        Returns:
            How to open what was written, in words.
        """
        ...
