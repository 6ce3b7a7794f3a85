"""Held-out images that most networks get wrong, with their pictures: what the report shows of a test set."""

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd
from PIL import Image

from winnow.evaluation.held_out import HeldOut

MOST = 8
"""Images of a class and set."""


def misjudged(predicted: Mapping[str, np.ndarray], splits: Mapping[str, HeldOut], *, most: int = MOST) -> pd.DataFrame:
    """Of each set and class the images that most networks get wrong; of too many those that the most networks do.

    Args:
        predicted: by set, (S, N) integers in [0, K), a row per network.
        splits: the sets, by the same names.
        most: images of a class and set.

    Returns:
        `split`, `image_id`, `label` (the true class), `wrong` (networks that get it wrong, more than half of them) and
        `image_bytes` (a JPEG of what the networks see), sorted by `split` and `image_id`.
    """
    parts = []
    for split, images in splits.items():
        wrong = (predicted[split] != images.labels).sum(axis=0)
        table = pd.DataFrame(
            {
                "split": split,
                "image_id": images.image_id.astype(object),
                "label": images.labels.astype(np.int64),
                "wrong": wrong.astype(np.int64),
            }
        )
        table = table[2 * wrong > len(predicted[split])]
        table = table.sort_values(["wrong", "image_id"], ascending=[False, True]).groupby("label").head(most)
        pixels = images.pixels[table.index.to_numpy()] if len(table) else ()
        parts.append(table.assign(image_bytes=pd.Series([_jpeg(one) for one in pixels], table.index, dtype=object)))
    found: pd.DataFrame = pd.concat(parts).sort_values(["split", "image_id"], ignore_index=True)
    return found


def _jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling="4:4:4")
    return buffer.getvalue()
