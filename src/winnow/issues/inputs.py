"""Images and labels as Python holds them, written as files and a table that the pipeline reads."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from winnow import tables
from winnow.errors import WinnowError

LABELS = "labels.csv"


def write_inputs(folder: Path, images: Any, labels: Sequence[Any] | None) -> list[str]:
    """Write a table of files and labels, and those images that are no files yet.

    Args:
        folder: where to write; `labels.csv`, and `images/` with PNGs.
        images: paths, arrays (uint8, (H, W), (H, W, 3) or (H, W, 1)) or PIL images, in a sequence; or a dataset whose
            items are pairs of image and label (torchvision) or mappings with `image` and `label` (Hugging Face).
        labels: one per image, text or integers; None to take them from the dataset. Where that has none either, the
            table has none.

    Returns:
        The path of each image, absolute, in order.

    Raises:
        WinnowError: if an image is none of these, or there is not one label for each or none at all.
    """
    names = _class_names(images)
    paths: list[str] = []
    told: list[str] = []
    for row, (image, label) in enumerate(_pairs(images, labels)):
        paths.append(_path_of(image, folder / "images" / f"{row:08d}.png", row))
        if label is not None:
            told.append(names[label] if names and isinstance(label, int | np.integer) else str(label))
        if told and len(told) < len(paths):
            raise WinnowError(f"image {row} has a label, or lacks one, unlike those before it; label all, or none.")
    if len(paths) < 2:
        raise WinnowError("there are fewer than two images, and winnow compares images with one another.")
    tables.write_csv(pd.DataFrame({"file": paths} | ({"label": told} if told else {})), folder / LABELS)
    return paths


def _pairs(images: Any, labels: Sequence[Any] | None) -> Iterator[tuple[Any, Any]]:
    """Each image with its label, None where it has none."""
    if labels is not None:
        labels = list(labels)
        if len(labels) != len(images):
            raise WinnowError(f"there are {len(images)} images and {len(labels)} labels; give each image one label.")
        yield from zip((_image_of(item) for item in _items(images)), labels, strict=True)
        return
    for item in _items(images):
        if isinstance(item, tuple) and len(item) == 2:
            yield item
        else:
            yield _image_of(item), item.get("label") if isinstance(item, dict) else None


def _items(images: Any) -> Iterable[Any]:
    """The items one by one: a dataset that can be indexed need not be iterable."""
    return (images[row] for row in range(len(images)))


def _image_of(item: Any) -> Any:
    if isinstance(item, dict) and "image" in item:
        return item["image"]
    return item[0] if isinstance(item, tuple) and len(item) == 2 else item


def _class_names(images: Any) -> list[str] | None:
    """Of integer labels: `classes` of torchvision, or the names of Hugging Face's `ClassLabel`."""
    names = getattr(images, "classes", None)
    if names is None:
        label = (getattr(images, "features", None) or {}).get("label")
        names = getattr(label, "names", None)
    return None if names is None else [str(name) for name in names]


def _path_of(image: Any, target: Path, row: int) -> str:
    if isinstance(image, str | os.PathLike):
        path = Path(image).resolve()
        if not path.is_file():
            raise WinnowError(f"image {row} is {os.fspath(image)!r}, and there is no such file.")
        return str(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    _as_picture(image, row).save(target)
    return str(target.resolve())


def _as_picture(image: Any, row: int) -> Image.Image:
    if isinstance(image, Image.Image):
        return image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[-1] in (3, 4))):
        raise WinnowError(
            f"image {row} is a {type(image).__name__} of shape {pixels.shape} and type {pixels.dtype}; give paths, PIL "
            "images, or uint8 arrays (H, W) or (H, W, 3)."
        )
    return Image.fromarray(pixels)
