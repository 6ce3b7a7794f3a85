"""What a layout gives: class names, and every image with its label or its fault."""

from dataclasses import dataclass

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Entry:
    """One image as the layout tells of it, before its bytes are looked at.

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
