"""What is said of a file that passes between stages."""

from dataclasses import dataclass

from winnow.schema import Arrays, Column, Table

IMAGE_ID = Column("image_id", "str", "the image, a unique string `img_<key>`")

BOX = (
    Column("class_name", "str", "its class"),
    *(Column(name, "float64", "in shares of the image") for name in ("x0", "y0", "x1", "y1")),
)


@dataclass(frozen=True)
class File:
    """A file or folder that a stage writes and others read.

    Attributes:
        path: relative to the workspace; `{name}` in it is filled in by whoever reads or writes, as in `{arm}_set`.
        rows: what a row is, or what the whole is.
        schema: what is in it; None where a module of its own reads and writes it.
        note: what else there is to say, in whole sentences.
    """

    path: str
    rows: str
    schema: Table | Arrays | None = None
    note: str = ""
