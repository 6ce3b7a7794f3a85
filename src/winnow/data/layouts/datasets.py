"""The layouts that whole datasets are read by: see `winnow.data.layouts.collection`.

To add one, write a module with what `DatasetReader` asks for, and name it in DATASETS before every one that would take
its datasets too.
"""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.data.archive import Archive
from winnow.data.layouts import coco, flat, labelled, voc, yolo
from winnow.data.layouts.collection import Dataset, DatasetReader
from winnow.errors import WinnowError

AUTO = "auto"
DATASETS: Mapping[str, DatasetReader] = MappingProxyType(
    {"voc": voc, "coco": coco, "yolo": yolo, "labelled": labelled, "flat": flat}
)


def read_dataset(archive: Archive, *, layout: str = AUTO) -> Dataset:
    """Read all splits of a dataset.

    Args:
        archive: open folder, zip or tar.
        layout: a name of DATASETS, or `auto` for the first that fits.

    Raises:
        WinnowError: if no layout fits, or there is no image.
    """
    if layout != AUTO and layout not in DATASETS:
        raise WinnowError(f"there is no layout {layout!r}; name one of auto, {', '.join(DATASETS)}.")
    readers = DATASETS.values() if layout == AUTO else [DATASETS[layout]]
    reader = next((reader for reader in readers if reader.matches(archive)), None)
    if reader is None:
        forms = ", or ".join(reader.FORM for reader in readers)
        raise WinnowError(f"{archive.label} holds no dataset of this layout; it needs {forms}.")
    dataset = reader.read(archive)
    if not dataset.items:
        raise WinnowError(f"{archive.label} holds no images; it needs {reader.FORM}.")
    return dataset
