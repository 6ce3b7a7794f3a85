"""The built-in sample: real handwritten digits with faults planted on purpose, a clean test set, and the truth.

The digits are scikit-learn's `load_digits` (UCI Optical Recognition of Handwritten Digits, test part: 1,797 scans of
8 x 8 pixels); the out-of-distribution images are tiles of its two `load_sample_images` photographs. Both come with
scikit-learn, so the sample needs no network.
"""

import io
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from winnow.data.undated_zip import undated_zip
from winnow.errors import WinnowError

NUM_CLASSES = 10
_TEST_PER_CLASS = 42
# Share of each class's remaining digits that goes into the training set. The smallest class follows the second
# smallest, so that pairwise noise (c to c + 1) does not fill it up again and the given labels stay imbalanced.
_TRAIN_SHARES = (0.16, 0.9, 1.0, 1.0, 1.0, 1.0, 0.95, 0.85, 0.6, 0.24)


@dataclass(frozen=True)
class Sample:
    """Two archives in the course layout and what is true of the training images.

    Attributes:
        train_zip: the noisy training set, root folder `sample`.
        test_zip: the clean test set, root folder `sample-test`; no digit of it is in the training set.
        truth: a row per training image, sorted by `image_id`: `image_id`, `true_label` (Int64, missing where
            `is_ood`), `is_ood` (0 or 1), `duplicate_of` (the source's image_id, "" for all but planted copies).
    """

    train_zip: bytes
    test_zip: bytes
    truth: pd.DataFrame


def make_sample(
    *,
    seed: int,
    label_noise: float,
    ood_share: float,
    exact_duplicates: int,
    near_duplicates: int,
    image_size: int = 64,
) -> Sample:
    """Render the digits and plant label noise, foreign images and duplicates; same arguments, same bytes.

    Args:
        seed: of every random choice.
        label_noise: share in [0, 0.45] of each class's digits that get a wrong label, half of them the next class's
            (pairwise noise), half any other class's (uniform noise).
        ood_share: share of the training images that are tiles of photographs, labelled at random in proportion to
            the classes.
        exact_duplicates: training images that are byte for byte another one; every second has another label.
        near_duplicates: training images that are another one shifted, brightened and encoded again; every second has
            another label.
        image_size: side of the images in pixels.

    Raises:
        WinnowError: if more duplicates are asked for than there are digits to copy.
    """
    rng = np.random.default_rng(seed)
    scans, digits = load_digits(return_X_y=True)
    train, test = _split(digits, rng)
    n_copies = exact_duplicates + near_duplicates
    if n_copies > len(train):
        raise WinnowError(
            f"sample.exact_duplicates and sample.near_duplicates ask for {n_copies} copies but there are only "
            f"{len(train)} digits to copy; lower them in params.yaml."
        )
    true = digits[train].astype(np.int64)
    given = _noisy_labels(true, label_noise, rng)
    pixels = [_render(scan.reshape(8, 8), image_size, rng) for scan in scans[train]]
    images = [_jpeg(image, quality=int(rng.integers(88, 96))) for image in pixels]

    # Each copy has a source of its own, so that every planted group is a pair.
    sources = rng.choice(len(train), size=n_copies, replace=False)
    images += [images[source] for source in sources[:exact_duplicates]]
    images += [_near_copy(pixels[source], rng) for source in sources[exact_duplicates:]]
    copies_given = _copied_labels(true[sources], given[sources], rng)

    n_ood = round(ood_share / (1 - ood_share) * len(images))
    images += [_jpeg(tile, quality=int(rng.integers(88, 96))) for tile in _photo_tiles(n_ood, image_size, rng)]
    class_shares = np.bincount(given, minlength=NUM_CLASSES) / len(given)
    ood_given = rng.permutation(np.repeat(np.arange(NUM_CLASSES), _apportion(n_ood, class_shares)))

    labels = np.concatenate([given, copies_given, ood_given])
    image_id = np.array([_new_id(rng) for _ in images])
    truth = pd.DataFrame(
        {
            "image_id": image_id,
            "true_label": pd.array([*true, *true[sources], *[pd.NA] * n_ood], dtype="Int64"),
            "is_ood": np.repeat([0, 1], [len(images) - n_ood, n_ood]),
            "duplicate_of": [*[""] * len(train), *image_id[sources], *[""] * n_ood],
        }
    ).sort_values("image_id", ignore_index=True)

    test_images = [_jpeg(_render(scan.reshape(8, 8), image_size, rng), quality=92) for scan in scans[test]]
    test_id = [_new_id(rng) for _ in test]
    return Sample(
        train_zip=_course_zip("sample", dict(zip(image_id, images, strict=True)), labels),
        test_zip=_course_zip("sample-test", dict(zip(test_id, test_images, strict=True)), digits[test]),
        truth=truth,
    )


def _split(digits: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training and of the test digits, disjoint."""
    train, test = [], []
    for label, share in enumerate(_TRAIN_SHARES):
        positions = rng.permutation(np.flatnonzero(digits == label))
        test.append(positions[:_TEST_PER_CLASS])
        rest = positions[_TEST_PER_CLASS:]
        train.append(rest[: round(share * len(rest))])
    return np.concatenate(train), np.concatenate(test)


def _noisy_labels(true: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Flip exactly `rate` of each class (rounded), so that no class loses its majority by bad luck."""
    given = true.copy()
    for label in range(NUM_CLASSES):
        members = np.flatnonzero(true == label)
        flipped = rng.permutation(members)[: round(rate * len(members))]
        pairwise, uniform = np.array_split(flipped, 2)
        others = rng.permutation(np.delete(np.arange(NUM_CLASSES), label))
        given[pairwise] = (label + 1) % NUM_CLASSES
        given[uniform] = np.resize(others, len(uniform))
    return given


def _copied_labels(true: np.ndarray, given: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels of the copies: every second contradicts its source (the true label where the source's is wrong)."""
    wrong = (true + rng.integers(1, NUM_CLASSES, size=len(true))) % NUM_CLASSES
    other = np.where(given == true, wrong, true)
    return np.where(np.arange(len(true)) % 2 == 0, given, other)


def _apportion(total: int, shares: np.ndarray) -> np.ndarray:
    """Whole numbers that add up to `total`, in proportion to `shares` (largest remainders)."""
    counts: np.ndarray = np.floor(total * shares).astype(np.int64)
    remainders = total * shares - counts
    counts[np.argsort(-remainders, kind="stable")[: total - counts.sum()]] += 1
    return counts


def _render(scan: np.ndarray, image_size: int, rng: np.random.Generator) -> np.ndarray:
    """(8, 8) ink in [0, 16] to (H, W, 3) uint8: tinted ink on tinted paper, unevenly lit, with sensor noise."""
    ink = Image.fromarray(scan.astype(np.float32) / 16).resize((image_size, image_size), Image.Resampling.BICUBIC)
    coverage = np.clip(np.asarray(ink), 0, 1)[..., None]
    paper = rng.uniform(180, 240) + rng.uniform(-15, 15, size=3)
    pen = rng.uniform(20, 80) + rng.uniform(-20, 20, size=3)
    ramp = np.linspace(-0.5, 0.5, image_size)
    light = 1 + rng.uniform(-0.15, 0.15) * ramp[:, None] + rng.uniform(-0.15, 0.15) * ramp[None, :]
    image = (paper + (pen - paper) * coverage) * light[..., None]
    return _to_uint8(image + rng.normal(0, 3, size=image.shape))


def _near_copy(image: np.ndarray, rng: np.random.Generator) -> bytes:
    """The same picture one or two pixels aside, a little brighter or darker, at a lower JPEG quality."""
    down, right = rng.choice([-2, -1, 1, 2], size=2)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
    height, width = image.shape[:2]
    moved = padded[2 + down : 2 + down + height, 2 + right : 2 + right + width]
    return _jpeg(_to_uint8(moved * rng.uniform(0.92, 1.08)), quality=int(rng.integers(60, 80)))


def _photo_tiles(n_tiles: int, image_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The `n_tiles` tiles of the photographs with most contrast, in random order; tiles never overlap.

    Overlapping tiles, or flat ones (sky), would be near duplicates of one another that nobody planted.
    """
    if n_tiles == 0:
        return []
    photos = load_sample_images().images
    area = sum(photo.shape[0] * photo.shape[1] for photo in photos)
    side = min(image_size, math.isqrt(area // (2 * n_tiles)))
    tiles = [
        photo[top : top + side, left : left + side]
        for photo in photos
        for top in range(0, photo.shape[0] - side + 1, side)
        for left in range(0, photo.shape[1] - side + 1, side)
    ]
    contrast = np.array([tile.std(axis=(0, 1)).mean() for tile in tiles])
    chosen = rng.permutation(np.argsort(-contrast, kind="stable")[:n_tiles])
    size = (image_size, image_size)
    return [np.asarray(Image.fromarray(tiles[index]).resize(size, Image.Resampling.BICUBIC)) for index in chosen]


def _to_uint8(image: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.rint(image)
    return rounded.clip(0, 255).astype(np.uint8)


def _jpeg(image: np.ndarray, *, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


def _new_id(rng: np.random.Generator) -> str:
    return f"img_{uuid.UUID(bytes=rng.bytes(16), version=4)}"


def _course_zip(root: str, images: Mapping[str, bytes], labels: np.ndarray) -> bytes:
    """Pack `images` (image_id to JPEG bytes) and their labels (in the same order)."""
    one_hot = {
        image_id: np.eye(NUM_CLASSES, dtype=int)[label].tolist() for image_id, label in zip(images, labels, strict=True)
    }
    files = {f"{root}/imgs/{image_id}.jpg": image for image_id, image in images.items()}
    files[f"{root}/data-labels.json"] = json.dumps(one_hot, sort_keys=True).encode()
    return undated_zip(files)
