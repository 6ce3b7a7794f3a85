"""Images without labels: in one folder or in several, such as the frames of a video."""

from winnow.data.archive import Archive
from winnow.data.layouts.collection import Dataset, Item, images_of, split_of

FORM = "images"


def matches(archive: Archive) -> bool:
    """Whether there is an image at all."""
    return bool(images_of(archive))


def read(archive: Archive) -> Dataset:
    """Read it; see `collection.DatasetReader`."""
    return Dataset("images without labels", [Item(name, split=split_of(f"{name}/")) for name in images_of(archive)])
