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

RELEASED = ("train", "val", "label_book")
HIDDEN = ("test",)
_UNPACKED_BYTES = 4 * 2**30


def read_pool(archive: str | Path, *, class_names: Sequence[str], splits: Sequence[str] = RELEASED) -> pd.DataFrame:
    """Read a zip, tar or folder of `<split>/<label>/<file>.png`.

    Args:
        archive: its path.
        class_names: the labels.
        splits: the folders that it may have: `RELEASED`, or `HIDDEN` for the test set, which nothing may learn from.

    Returns:
        A row per image, sorted: `image_id` (its path), `split`, `label` int64 in the order of `class_names`, and
        `image_bytes` as they came.

    Raises:
        WinnowError: if there is no such archive or it is damaged, a folder is no such split or no class, a file is no
            whole PNG, or two would have one name in a submission.
    """
    rows: list[tuple[str, str, int, bytes]] = []
    paths: dict[str, str] = {}
    try:
        with open_archive(archive, max_unpacked_bytes=_UNPACKED_BYTES) as file:
            for path in file.names():
                parts = path.split("/")
                known = len(parts) == 3 and parts[0] in splits and parts[1] in class_names
                if not known or not path.lower().endswith(".png"):
                    raise WinnowError(
                        f"{archive}: {path} is not <split>/<label>/<file>.png, with {_one_of(splits)} as the split and "
                        "a label of competition.class_names; rename or remove it."
                    )
                if (other := paths.setdefault(packed_name(path), path)) != path:
                    raise WinnowError(
                        f"{archive}: {other} and {path} would both be {packed_name(path)}.png in a submission; rename "
                        "one of them."
                    )
                content = file.read(path)
                upright_rgb(content, file_name=path)
                rows.append((path, parts[0], list(class_names).index(parts[1]), content))
    except BadImage as error:
        raise WinnowError(f"{archive}: {path} cannot be used ({error}); remove it.") from None
    return pd.DataFrame(rows, columns=["image_id", "split", "label", "image_bytes"])


def packed_name(image_id: str) -> str:
    """An image's name in a packed set, and so its file's: folders joined, no suffix."""
    return image_id.rpartition(".")[0].replace("/", "-")


def _one_of(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


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
