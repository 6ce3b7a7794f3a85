"""A dataset without some of its images: the same layout, names and bytes, only fewer."""

from collections.abc import Collection
from pathlib import Path

from winnow.data.archive import Archive
from winnow.data.layouts.collection import Dataset
from winnow.data.replacing import replacing_folder
from winnow.errors import WinnowError
from winnow.progress import progress


def write_filtered(archive: Archive, dataset: Dataset, gone: Collection[str], folder: str | Path) -> int:
    """Write all files of a dataset but those of some images and what is said of them.

    Args:
        archive: that the dataset was read from.
        dataset: of it.
        gone: files of the images that go.
        folder: to write; replaced whole, and only once all is written.

    Returns:
        How many files were written. Bytes are those of the archive, but for the lists that name all images.

    Raises:
        WinnowError: if `gone` holds what is no image of the dataset, or the folder lies in the way.
    """
    folder = Path(folder)
    if unknown := set(gone) - {item.file for item in dataset.items}:
        raise WinnowError(f"{min(unknown)} is no image of {archive.label}; it cannot go.")
    if folder.is_file():
        raise WinnowError(f"{folder} is a file; a folder of that name is to be written.")
    changed = dataset.without(gone)
    left = [name for name in archive.names() if changed.get(name, b"") is not None]
    with replacing_folder(folder) as unfinished, progress(f"write {folder.name}", len(left)) as report:
        for name, content in archive.items(left):
            target = unfinished / name
            target.parent.mkdir(parents=True, exist_ok=True)
            new = changed.get(name)
            target.write_bytes(content if new is None else new)
            report(1)
    return len(left)
