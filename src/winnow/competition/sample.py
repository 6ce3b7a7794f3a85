"""The built-in sample of the pipeline `competition`: handwritten digits, drawn thick and thin, with planted errors.

Real scans of scikit-learn's digits, enlarged and cut to the competition's kind of picture: dark strokes on white, of
different sizes, in PNG. One in three is drawn thin: the edge cases, which are not to be taken for errors.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

_THRESHOLDS = {"thick": 100, "thin": 190}
_SCRIBBLE = 12  # random strokes of a picture of no class


@dataclass(frozen=True)
class Sample:
    """What `make_sample` draws.

    Attributes:
        pool: a zip of `train/`, `val/` and `label_book/`, each `<label>/<file>.png`; train and val hold errors.
        test: a zip of `test/<label>/<file>.png`, without errors.
        truth: a row per picture of train and val: `image_id` (its path), `true_label` (-1 for a scribble), `thin`.
    """

    pool: bytes
    test: bytes
    truth: pd.DataFrame


def make_sample(
    *, seed: int, train: int, val: int, label_book: int, test: int, wrong_labels: float, scribbles: float
) -> Sample:
    """Draw the sets; the same arguments give the same bytes.

    Args:
        seed: of all that is drawn and planted.
        train, val, label_book, test: pictures of each class in each set; no scan is in two of them.
        wrong_labels: share of train and of val with another label.
        scribbles: share of train and of val that are scribbles of no class.
    """
    rng = np.random.default_rng(seed)
    scans, digits = load_digits(return_X_y=True)
    sizes = {"train": train, "val": val, "label_book": label_book, "test": test}
    rows: list[tuple[str, int, int]] = []  # set, digit, scan
    for digit in range(10):
        chosen = iter(rng.permutation(np.flatnonzero(digits == digit))[: sum(sizes.values())])
        rows += [(name, digit, int(next(chosen))) for name, size in sizes.items() for _ in range(size)]
    files: dict[str, dict[str, bytes]] = {"pool": {}, "test": {}}
    truth = []
    for name in sizes:
        members = [(digit, scan) for part, digit, scan in rows if part == name]
        dirty = name in ("train", "val")
        order = rng.permutation(len(members))
        wrong = set(order[: round(wrong_labels * len(members))]) if dirty else set()
        scribbled = set(order[::-1][: round(scribbles * len(members))]) if dirty else set()
        for number, (digit, scan) in enumerate(members):
            thin = bool(rng.random() < 1 / 3)
            picture = _scribble(rng) if number in scribbled else _drawn(scans[scan], thin, rng)
            label = (digit + int(rng.integers(1, 10))) % 10 if number in wrong else digit
            path = f"{name}/{label}/{rng.bytes(8).hex()}.png"
            files["test" if name == "test" else "pool"][path] = _png(picture)
            if dirty:
                truth.append((path, -1 if number in scribbled else digit, int(thin)))
    frame = pd.DataFrame(truth, columns=["image_id", "true_label", "thin"])
    return Sample(
        pool=_zip(files["pool"]), test=_zip(files["test"]), truth=frame.sort_values("image_id", ignore_index=True)
    )


def _drawn(scan: np.ndarray, thin: bool, rng: np.random.Generator) -> Image.Image:
    """A scan of 8 x 8 as dark strokes on a white ground with a margin, 80 to 140 pixels wide."""
    size = (int(rng.integers(60, 110)), int(rng.integers(60, 110)))
    ink = Image.fromarray((scan.reshape(8, 8) * 15.9).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    width, height = round(1.3 * size[0]), round(1.3 * size[1])
    ground = Image.new("L", (width, height), 0)
    ground.paste(ink, ((width - size[0]) // 2, (height - size[1]) // 2))
    ink = ground.rotate(float(rng.uniform(-12, 12)), resample=Image.Resampling.BILINEAR)
    return ink.point(lambda level: 0 if level > _THRESHOLDS["thin" if thin else "thick"] else 255)


def _scribble(rng: np.random.Generator) -> Image.Image:
    size = int(rng.integers(60, 110))
    noise = Image.fromarray(rng.integers(0, 256, (_SCRIBBLE, _SCRIBBLE), dtype=np.uint8))
    smooth = noise.resize((size, size), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
    return smooth.point(lambda level: 0 if level > 150 else 255)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), files[name])
    return buffer.getvalue()
