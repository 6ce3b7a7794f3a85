"""The images of the competition as a table, and as arrays."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from winnow.data.archive import open_archive
from winnow.data.images import BadImage, upright_rgb
from winnow.errors import WinnowError
from winnow.models.competition import shrink

SPLITS = ("train", "val", "label_book", "test")
_UNPACKED_BYTES = 4 * 2**30


def read_pool(archive: str | Path, *, class_names: Sequence[str]) -> pd.DataFrame:
    """Read a zip, tar or folder of `<split>/<label>/<file>.png`.

    Returns:
        A row per image, sorted: `image_id` (its path), `split`, `label` int64 in the order of `class_names`, and
        `image_bytes` as they came.

    Raises:
        WinnowError: if there is no such archive or it is damaged, a folder is no split or no class, or a file is no
            whole image.
    """
    rows = []
    try:
        with open_archive(archive, max_unpacked_bytes=_UNPACKED_BYTES) as file:
            for path in file.names():
                parts = path.split("/")
                if len(parts) != 3 or parts[0] not in SPLITS or parts[1] not in class_names:
                    raise WinnowError(
                        f"{archive}: {path} is not <split>/<label>/<file>, with a split of {', '.join(SPLITS)} and a "
                        "label of competition.class_names; rename or remove it."
                    )
                content = file.read(path)
                upright_rgb(content, file_name=path)
                rows.append((path, parts[0], list(class_names).index(parts[1]), content))
    except BadImage as error:
        raise WinnowError(f"{archive}: {path} cannot be used ({error}); remove it.") from None
    return pd.DataFrame(rows, columns=["image_id", "split", "label", "image_bytes"])


def pictures(image_bytes: Iterable[bytes]) -> Iterator[Image.Image]:
    """The images, decoded, upright and in RGB."""
    for content in image_bytes:
        yield upright_rgb(content)[0]


def shrunk(image_bytes: Sequence[bytes]) -> np.ndarray:
    """(N, 32, 32, 3) float32 in [0, 255]: images as the grader's network sees them."""
    return np.stack([shrink(np.asarray(image)) for image in pictures(image_bytes)])


def squares(image_bytes: Sequence[bytes], *, side: int) -> np.ndarray:
    """(N, side, side, 3) uint8: images for detectors, shrunk smoothly."""
    size = (side, side)
    return np.stack([np.asarray(image.resize(size, Image.Resampling.LANCZOS)) for image in pictures(image_bytes)])
