"""Datasets whose images have no label of their own, as the pipeline reads images: with boxes, or with nothing at all.

What a box shows is in the image, and not what the image is: of many boxes no one label follows. So boxes stay beside
the images, and the images are judged without labels.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from winnow.data.archive import Archive
from winnow.data.layouts.collection import Dataset, DatasetReader
from winnow.data.layouts.entries import Entry, Layout, id_of_file
from winnow.data.listing import listed
from winnow.data.litter import companion
from winnow.errors import WinnowError

SKIPPED = "images are searched for faults, copies and outliers; what needs labels is skipped."
"""The end of a sentence on a dataset without labels."""
_ANNOTATIONS = (".json", ".txt", ".xml", ".yaml", ".yml")


@dataclass(frozen=True)
class Unlabelled:
    """The `entries.Reader` of a layout without labels.

    Attributes:
        reader: of the whole dataset.
        recognised: whether a dataset is of this layout, where the reader's own `matches` asks for less.
    """

    reader: DatasetReader
    recognised: Callable[[Archive], bool] | None = None
    POSITIONAL: ClassVar[bool] = False

    @property
    def FORM(self) -> str:
        return self.reader.FORM

    def matches(self, archive: Archive) -> bool:
        return (self.recognised or self.reader.matches)(archive)

    def read(self, archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
        """Read it; see `entries.Reader`. All splits are read where none is named: nothing is trained on them."""
        if class_names:
            raise WinnowError(
                f"{archive.label} has no label for each image, so there is nothing that data.class_names could name; "
                "set it to [] in params.yaml."
            )
        dataset = self.reader.read(archive)
        splits = sorted({item.split for item in dataset.items} - {""})
        if split is not None and split not in splits:
            raise WinnowError(
                f"{archive.label} has no split {split!r}; set data.split in params.yaml to null"
                + (f" or to one of {listed(splits)}." if splits else ".")
            )
        chosen = [item for item in dataset.items if split is None or item.split == split]
        others = {item.file for item in dataset.items} - {item.file for item in chosen}
        entries = [Entry(item.file, id_of_file(item.file)) for item in chosen]
        boxes = {id_of_file(item.file): item.boxes for item in chosen if item.boxes}
        left_out = dict.fromkeys(others, "other-split")
        for name in archive.names():
            is_annotation = bool(boxes) and name.endswith(_ANNOTATIONS)
            left_out.setdefault(name, "labels" if is_annotation else companion(name) or "other")
        read = f"the split {split}" if split else f"the splits {', '.join(splits)}" if splits else ""
        return Layout(
            [],
            entries,
            {name: why for name, why in left_out.items() if name not in {entry.file_name for entry in entries}},
            form=f"{dataset.form}, {read}" if read else dataset.form,
            notes=tuple(_notes(dataset, any(boxes))),
            boxes=boxes,
        )


def _notes(dataset: Dataset, has_boxes: bool) -> list[str]:
    why = "Boxes say what is in an image, not what it is" if has_boxes else "There are no labels"
    notes = [f"{why}: {SKIPPED}"]
    kinds = Counter(problem.kind for problem in dataset.problems)
    if kinds:
        first = dataset.problems[0]
        counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        notes.append(f"Faults of annotations: {counted}; such as {first.file}: {first.detail}.")
    return notes
