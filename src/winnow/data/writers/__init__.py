"""Packed sets as folders of image files: a module per format.

To add one, write a module here with what `Writer` asks for, and name it in WRITERS.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pandas as pd

from winnow.data.packed import check_packed
from winnow.data.replacing import replacing_folder
from winnow.data.writers import course, imagefolder
from winnow.errors import WinnowError
from winnow.progress import Reporter, progress

__all__ = ["WRITERS", "write_sets"]


class Writer(Protocol):
    """What the module of a format holds."""

    def folder(self, name: str, part: str) -> str:
        """The name of the folder that holds a part, `training` or `validation`, of the dataset `name`."""
        ...

    def owns(self, entry: str) -> bool:
        """Whether a file or folder of this name may be part of what `write` wrote earlier."""
        ...

    def write(self, folder: Path, packed: pd.DataFrame, *, class_names: Sequence[str], report: Reporter) -> None:
        """Write a packed set into a folder, which does not exist yet; report the number of images as they are done."""
        ...


WRITERS: Mapping[str, Writer] = MappingProxyType({"course": course, "imagefolder": imagefolder})


def write_sets(
    directory: str | Path,
    sets: Mapping[str, pd.DataFrame],
    *,
    name: str,
    class_names: Sequence[str],
    form: str = "course",
) -> None:
    """Write packed sets as folders of image files; the images' bytes stay as they are.

    What an earlier call wrote into `directory` is replaced, and only once the new sets are complete.

    Args:
        directory: folder to write; created if need be.
        sets: packed sets by part, `training` and `validation`.
        name: of the dataset, or of the team.
        class_names: K names, in label order.
        form: a name of WRITERS.

    Raises:
        WinnowError: if `directory` holds anything else than such sets, or a set is no packed set.
    """
    directory, writer = Path(directory), WRITERS[form]
    _check_replaceable(directory, writer)
    folders = {writer.folder(name, part): packed for part, packed in sets.items()}
    for folder, packed in folders.items():
        check_packed(packed, what=f"the packed {folder}", class_count=len(class_names))

    images = sum(map(len, folders.values()))
    with replacing_folder(directory) as unfinished, progress(f"write {directory.name}", images) as report:
        for folder, packed in folders.items():
            writer.write(unfinished / folder, packed, class_names=class_names, report=report)


def _check_replaceable(directory: Path, writer: Writer) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise WinnowError(f"{directory} is a file; move it, a folder of that name is to be written.")
    foreign = sorted(path.name for path in directory.iterdir() if not writer.owns(path.name))
    if foreign:
        raise WinnowError(
            f"{directory} holds {foreign[0]!r}, which is no part of a written dataset and would be lost; move it "
            "elsewhere."
        )
