"""What a layout gives: class names, and every image with its label or its fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from winnow.data.archive import Archive

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Entry:
    """One image as the layout has it, before its bytes are read.

    Attributes:
        file_name: path inside the archive, "" if there is none (`no-image`).
        image_id: `img_<key>`, "" if the name has none (`bad-name`).
        label: position in the class names, None if unknown.
        problem: "" or why the image is rejected: `bad-name`, `no-label`, `bad-label`, `no-image`, `unknown-class`,
            `duplicate-id`.
        detail: the problem in words.
    """

    file_name: str
    image_id: str
    label: int | None = None
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Layout:
    """Class names in label order, and the entries sorted by file name."""

    class_names: list[str]
    entries: list[Entry]


class Reader(Protocol):
    """What the module of a layout holds."""

    FORM: str
    """What an archive needs, in words that follow 'it needs'."""

    def matches(self, names: Sequence[str]) -> bool:
        """Whether an archive with these sorted POSIX paths is to be read by this layout, be it whole or faulty."""
        ...

    def read(self, archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
        """Find the images and labels, see `read_layout`; the entries may come in any order.

        Raises:
            WinnowError: if the archive is faulty as a whole, or contradicts `class_names` or `split`.
        """
        ...
