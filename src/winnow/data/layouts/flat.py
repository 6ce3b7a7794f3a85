"""Images without labels: in one folder or in several, such as the frames of a video."""

import posixpath

from winnow.data.archive import Archive
from winnow.data.layouts.collection import Dataset, Item, images_of, split_of
from winnow.data.litter import TABLE_SUFFIXES, companion

FORM = "images"


def matches(archive: Archive) -> bool:
    """Whether there is an image at all."""
    return bool(images_of(archive))


def in_one_folder(archive: Archive) -> bool:
    """Whether two images or more lie in one folder and nothing says what they show: no other folder with files, no
    empty one, and no table that might hold labels."""
    names = archive.names()
    folders = {posixpath.dirname(name) for name in names if companion(name) is None}
    return (
        len(folders) == 1
        and len(images_of(archive)) > 1
        and not archive.empty_folders()
        and not any(name.lower().endswith(TABLE_SUFFIXES) for name in names)
    )


def read(archive: Archive) -> Dataset:
    """Read it; see `collection.DatasetReader`."""
    return Dataset("images without labels", [Item(name, split=split_of(f"{name}/")) for name in images_of(archive)])
