"""A synthetic archive in the course layout, as large as the real one: for timing, not for accuracy."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = 10


def write_archive(path: str | Path, *, images: int, seed: int, label_noise: float = 0.35, image_size: int = 64) -> None:
    """Write `images` JPEGs, each a smooth pattern of its class mixed with one of its own.

    A share of the labels is flipped at random.
    """
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 256, (CLASSES, 8, 8, 3), dtype=np.uint8)
    true_label = rng.integers(0, CLASSES, images)
    flipped = rng.random(images) < label_noise
    label = np.where(flipped, rng.integers(0, CLASSES, images), true_label)
    labels = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for i in range(images):
            own = rng.integers(0, 256, (8, 8, 3))  # most of the picture, so that no two of a class are alike
            small = 0.35 * patterns[true_label[i]] + 0.65 * own
            picture = Image.fromarray(small.astype(np.uint8)).resize((image_size, image_size), 3)
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=85)
            key = f"img_{i:08x}"
            archive.writestr(f"synthetic/imgs/{key}.jpg", buffer.getvalue())
            labels[key] = np.eye(CLASSES, dtype=int)[label[i]].tolist()
        archive.writestr("synthetic/data-labels.json", json.dumps(labels))
