"""Small pictures of the images of the map, on one sheet that a page can hold."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 40
"""Pixels of a tile."""
COLUMNS = 50
MOST = 2500
"""Images that get a tile; of more, every n-th does, so that the page stays small."""


@dataclass(frozen=True)
class Tiles:
    """Attributes:
    sheet: a JPEG with `COLUMNS` tiles a row, b"" where there is none.
    rows: (T,) int64, ascending, which image each tile shows.
    """

    sheet: bytes
    rows: np.ndarray


def make_tiles(images: Sequence[bytes], *, most: int = MOST) -> Tiles:
    """Draw tiles.

    Args:
        images: N encoded images.
        most: tiles at most.
    """
    step = max(1, -(-len(images) // most))
    rows = np.arange(0, len(images), step)
    if not len(rows):
        return Tiles(b"", rows)
    sheet = Image.new("RGB", (COLUMNS * SIDE, -(-len(rows) // COLUMNS) * SIDE), "white")
    for place, row in enumerate(rows):
        with Image.open(io.BytesIO(images[int(row)])) as image:
            image.draft("RGB", (SIDE, SIDE))
            tile = image.convert("RGB")
        tile.thumbnail((SIDE, SIDE))
        left, top = place % COLUMNS * SIDE, place // COLUMNS * SIDE
        sheet.paste(tile, (left + (SIDE - tile.width) // 2, top + (SIDE - tile.height) // 2))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=80)
    return Tiles(buffer.getvalue(), rows)
