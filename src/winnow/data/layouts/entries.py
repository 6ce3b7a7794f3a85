"""What a layout gives: class names, and every file with its label, its fault, or why it is left out."""

import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from winnow.data.archive import Archive

# By what downloaders, editors and cameras call them; the content decides whether they are read.
_IMAGE = (
    "apng|arw|avif|bmp|cr2|cr3|dib|dng|gif|heic|heif|ico|icb|j2k|jfif|jp2|jpe|jpeg|jpg|jpx|jxl|nef|orf|pbm|pcx|pgm|"
    "pjpeg|png|pnm|ppm|psd|qoi|raf|rgb|rw2|sgi|svg|tga|tif|tiff|vda|vst|webp"
)
_IMAGE_NAME = re.compile(rf"(.*)\.({_IMAGE})(?![A-Za-z0-9]).*", re.IGNORECASE | re.DOTALL)

LARGEST_IMAGE = 2**29 + 2**20
"""Most bytes of an image that is read: as many pixels as are decoded take them, uncompressed at 16 bits a channel."""
NO_LABEL = -1
"""The label, in the files of the pipeline, of an image that has none."""
LONGEST_STEM = 150
"""Characters of a path that an image's id holds: a file system takes 255, and a copy's name is longer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image as the layout has it, before its bytes are read.

    Attributes:
        file_name: path inside the archive, "" if there is none (`no-image`).
        image_id: `img_<key>`, "" if the name has none (`bad-name`).
        label: position in the class names, None if unknown, or if the layout has none.
        problem: "" or why the image is rejected: `bad-name`, `no-label`, `bad-label`, `no-image`, `unknown-class`,
            `duplicate-id`, `too-large`.
        detail: the problem in words.
    """

    file_name: str
    image_id: str
    label: int | None = None
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Box:
    """A box around an object; x from left and y from the top, in shares of width and height where these are known."""

    class_name: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Layout:
    """What a layout makes of an archive.

    Attributes:
        class_names: in label order; empty where images have no labels.
        entries: of all files that are images, or should be.
        left_out: why each other file is no image of the dataset, by path.
        form: the layout, and what was chosen in reading it, in words.
        notes: what a person should know of it, a sentence each.
        empty_classes: those of which there is a folder, and nothing in it.
        boxes: by `image_id`, what is in an image, of layouts that have boxes.
    """

    class_names: list[str]
    entries: list[Entry]
    left_out: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    notes: tuple[str, ...] = ()
    empty_classes: frozenset[str] = frozenset()
    boxes: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)


class Reader(Protocol):
    """What the module of a layout holds."""

    @property
    def FORM(self) -> str:
        """What an archive needs, in words that follow 'it needs'."""

    @property
    def POSITIONAL(self) -> bool:
        """Whether labels are positions in a list of all classes, and not their names."""

    def matches(self, archive: Archive) -> bool:
        """Whether an archive is to be read by this layout, be it whole or faulty."""
        ...

    def read(self, archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
        """Find the images and labels, see `read_layout`; the entries may come in any order.

        Raises:
            WinnowError: if the archive is faulty as a whole, or contradicts `class_names` or `split`.
        """
        ...


def too_large(archive: Archive, file: str) -> str | None:
    """In words that an image has more bytes than `LARGEST_IMAGE`, so that it is not read; None of any other."""
    size = archive.size(file)
    if size <= LARGEST_IMAGE:
        return None
    return (
        f"the file has {size / 2**20:,.0f} MB, and {LARGEST_IMAGE / 2**20:,.0f} are read of an image; save it smaller"
    )


def image_stem(name: str) -> str | None:
    """A file's name without the ending that says it is an image, and what was left behind that (`.jpg_large`,
    `.JPG.1`, `.jpg!d`, `.jpg~`); None if it says no such thing."""
    found = _IMAGE_NAME.fullmatch(name)
    return found[1] if found else None


def id_of(path: str, *, words: str, readable: bool) -> str:
    """An image's id, made of its path and of nothing else.

    Args:
        path: of the image.
        words: what people should read of it; what is odd in a file's name becomes a dash.
        readable: whether the path can be told from these words; if not, or if they are too long, its digest follows.
    """
    plain = re.sub(r"[^A-Za-z0-9.-]", "-", words)
    if readable and len(plain) <= LONGEST_STEM:
        return f"img_{plain}"
    return f"img_{plain[:LONGEST_STEM]}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


_READABLE = re.compile(r"[A-Za-z0-9.-]*\.jpg")


def id_of_file(path: str) -> str:
    """The id of an image that a layout knows by its path alone: the file's name, and where that does not tell the path
    its digest too."""
    file = posixpath.basename(path)
    stem = image_stem(file)
    return id_of(path, words=file if stem is None else stem, readable=bool(_READABLE.fullmatch(path)))
