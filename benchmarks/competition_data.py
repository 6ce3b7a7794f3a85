"""The Data-Centric AI competition's images, as arrays at the size that they came in.

Read from a folder beside the repository (`--shared`), laid out as `data/roman-numerals`. The test half and the audit
are for measuring alone.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from winnow.models.competition import shrink
from winnow.submission.competition import CLASS_NAMES


@dataclass(frozen=True, kw_only=True)
class Numerals:
    """Images of one set.

    Attributes:
        paths: (N,) str, `<split>/<label>/<file>`.
        files: N PNG files.
        images: N arrays (H, W, 3) uint8 of their own sizes.
        labels: (N,) int64 in the competition's order.
        split: (N,) str.
    """

    paths: np.ndarray
    files: list[bytes]
    images: list[np.ndarray]
    labels: np.ndarray
    split: np.ndarray

    def of(self, split: str) -> "Numerals":
        rows = np.flatnonzero(self.split == split)
        return Numerals(
            paths=self.paths[rows],
            files=[self.files[row] for row in rows],
            images=[self.images[row] for row in rows],
            labels=self.labels[rows],
            split=self.split[rows],
        )


def read_numerals(archive: Path) -> Numerals:
    """All PNG files of a zip, in the order of their names."""
    with zipfile.ZipFile(archive) as file:
        paths = sorted(name for name in file.namelist() if name.endswith(".png"))
        files = [file.read(path) for path in paths]
    images = [np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in files]
    split, names, _ = zip(*(path.split("/") for path in paths), strict=True)
    labels = np.array([CLASS_NAMES.index(name) for name in names])
    return Numerals(paths=np.array(paths), files=files, images=images, labels=labels, split=np.array(split))


def shrunk(images: list[np.ndarray]) -> np.ndarray:
    """(N, 32, 32, 3) float32: as the grader's network sees them."""
    return np.stack([shrink(image) for image in images])


def seen_before(test: Numerals, released: Numerals) -> np.ndarray:
    """(N,) bool: test images whose pixels are among the released ones."""
    known = {_digest(image) for image in released.images}
    return np.array([_digest(image) in known for image in test.images])


def audited(released: Numerals, audit: Path) -> np.ndarray:
    """(N,) int64: the label that the auditor gave, -1 for deleted or left empty; without a verdict the given one."""
    frame = pd.read_csv(audit, keep_default_na=False)
    paths = frame["split"] + "/" + frame["label"] + "/" + frame["filename"]
    codes = {name: label for label, name in enumerate(CLASS_NAMES)}
    verdict = {path: codes.get(name, -1) for path, name in zip(paths, frame["human_label"], strict=True)}
    return np.array([verdict.get(path, label) for path, label in zip(released.paths, released.labels, strict=True)])


def _digest(image: np.ndarray) -> bytes:
    return hashlib.sha256(str(image.shape).encode() + image.tobytes()).digest()
