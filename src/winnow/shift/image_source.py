"""Sets of images: their labels, features, pictures, and the plain facts of their files."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from winnow.data.archive import open_archive
from winnow.data.manifest import build_manifest
from winnow.data.pixels import DecodedPixels, Pixels, batches

Embed = Callable[[Pixels, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ImageSet:
    """N images.

    Attributes:
        rows: sorted by `row`: `row`, `name` (path in the archive), `label` int64, the plain facts of
            `winnow.files.FACTS`, `picture` (bytes).
        features: (N, D) float32.
        class_names: in label order.
        rejected: how many images could not be read.
    """

    rows: pd.DataFrame
    features: np.ndarray
    class_names: list[str]
    rejected: int


def read_images(
    path: str | Path, *, class_names: Sequence[str], image_size: int, max_unpacked_bytes: float, embed: Embed
) -> ImageSet:
    """Read an image source in any layout that winnow reads.

    Args:
        path: a folder, zip or tar.
        class_names: names in label order; empty to derive them.
        image_size: side in pixels to which images are brought.
        max_unpacked_bytes: an archive that would unpack to more is refused.
        embed: from (N, H, W, 3) pixels and (N,) labels to (N, D) features.

    Raises:
        WinnowError: if the source cannot be read, or holds no image of these classes.
    """
    with open_archive(path, max_unpacked_bytes=max_unpacked_bytes) as archive:
        found = build_manifest(
            archive, class_names=class_names, split=None, image_size=image_size, every_class=not class_names
        )
        facts = pd.DataFrame(
            [(name, *_file_facts(content)) for name, content in archive.items(list(found.manifest["file_name"]))],
            columns=["file_name", "bytes", "quantisation"],
        )
    pixels = DecodedPixels(found.image_bytes)
    frame = found.manifest.merge(facts, on="file_name", how="left")
    labels = frame["label"].to_numpy()
    rows = pd.DataFrame(
        {
            "row": frame["image_id"],
            "name": frame["file_name"],
            "label": labels,
            "width": frame["width"].astype(float),
            "height": frame["height"].astype(float),
            "bytes": frame["bytes"].astype(float),
            "quantisation": frame["quantisation"].astype(float),
            "greyness": np.concatenate([_greyness(block) for _, block in batches(pixels)]),
            "picture": found.images["image_bytes"],
        }
    )
    return ImageSet(rows, embed(pixels, labels), found.class_names, len(found.rejected))


def pixel_features(pixels: Pixels, side: int) -> np.ndarray:
    """(N, side * side) float32: the grey values of each picture made smaller, in [0, 1]."""
    found = []
    for _, block in batches(pixels):
        small = [Image.fromarray(picture).convert("L").resize((side, side), Image.Resampling.BOX) for picture in block]
        found.append(np.stack([np.asarray(picture, dtype=np.float32).ravel() / 255 for picture in small]))
    return np.concatenate(found)


def _file_facts(content: bytes) -> tuple[int, float]:
    image = Image.open(io.BytesIO(content))
    tables = getattr(image, "quantization", None)
    return len(content), float(np.mean(tables[0])) if tables else 0.0


def _greyness(block: np.ndarray) -> np.ndarray:
    channels = block.reshape(len(block), -1, 3).astype(np.float32)
    spread: np.ndarray = (channels.max(axis=2) - channels.min(axis=2)).mean(axis=1).astype(np.float64)
    return spread
