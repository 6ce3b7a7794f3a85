"""Copies of the cleaned images, as PNG at the size of their originals, by a policy; more of the edge cases."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from winnow.augmentation.edge_cases import ranked_weights
from winnow.augmentation.policy.policy import Policy
from winnow.competition.pool import packed_name, pictures
from winnow.data.pixel_digest import pixel_digest
from winnow.detect.labels.neighbour_rule import edge_difficulty
from winnow.errors import WinnowError
from winnow.progress import progress


def packed_with_copies(
    image_id: np.ndarray,
    image_bytes: Sequence[bytes],
    labels: np.ndarray,
    difficulty: np.ndarray,
    *,
    per_class: int,
    policy: Policy,
    strength: float,
    seed: int,
    original_levels: bool = False,
) -> pd.DataFrame:
    """A packed set of the originals' own bytes and of copies that even the classes out.

    Args:
        image_id: (N,) str, names in the packed set.
        image_bytes: N PNG files.
        labels: (N,) integers in [0, K).
        difficulty: (N,) float, higher is harder; NaN for images that are no edge cases whatever their distance.
        per_class: images of each class, originals and copies together; a class with more originals gets no copies.
        policy: what makes a copy; with its fill.
        strength: hard images get up to 1 + this times the copies of easy ones; 0 treats all alike.
        seed: of the sources and of every copy.
        original_levels: whether a copy goes through `with_levels_of` its original.

    Returns:
        Rows of a packed set (see `data.packed`), sorted by name.
    """
    weights = ranked_weights(difficulty, labels, strength=strength)
    names, sources, techniques = list(image_id), list(range(len(image_id))), [""] * len(image_id)
    content = list(image_bytes)
    plan = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        plan += [*_sources(rows, weights[rows], max(per_class - len(rows), 0), np.random.default_rng([seed, label]))]
    with progress("augment", len(plan)) as report:
        for number, (row, image) in enumerate(zip(plan, pictures(image_bytes[row] for row in plan), strict=True)):
            names.append(f"{image_id[row]}_policy-{number:05d}")
            sources.append(row)
            techniques.append("policy")
            original = np.asarray(image)
            copy = policy.apply(original, seed * 1_000_003 + number)
            content.append(_png(with_levels_of(original, copy) if original_levels else copy))
            report(1)
    frame = pd.DataFrame(
        {
            "name": names,
            "image_id": image_id[sources],
            "technique": techniques,
            "label": labels[sources].astype(np.int64),
            "image_bytes": pd.Series(content, dtype=object),
        }
    )
    return frame.sort_values("name", ignore_index=True)


def with_levels_of(original: np.ndarray, copy: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: a copy in whose channels every level has become the nearest one of the original's, the lower of
    two as near.

    The released numerals have three levels, 0, 64 and 255; moving pixels blends them. It takes small noise away again,
    and leaves an inverted copy no level that the original lacks.

    Args:
        original: (H', W', 3) uint8.
        copy: (H, W, 3) uint8.
    """
    known = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(original, 2, 0)]) > 0
    distance = np.abs(np.subtract.outer(np.arange(256), np.arange(256)))
    nearest = np.where(known[:, None, :], distance, 256).argmin(axis=2).astype(np.uint8)  # (3, 256)
    return np.stack([nearest[channel][copy[..., channel]] for channel in range(3)], axis=2)


def _sources(rows: np.ndarray, weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` sources in proportion to the weights, by largest remainders, the remainders in random order."""
    shares = count * weights / weights.sum()
    whole = np.floor(shares).astype(int)
    order = np.lexsort((rng.permutation(len(rows)), -(shares - whole)))
    whole[order[: count - whole.sum()]] += 1
    return np.repeat(rows, whole)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if (pixels == pixels[..., :1]).all() else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def arms(
    pool: pd.DataFrame,
    decided: pd.DataFrame,
    *,
    class_names: Sequence[str],
    policy: Policy,
    per_class: int,
    strength: float,
    seed: int,
    validation_per_class: int | None = None,
    validation_with_copies: int | None = None,
    original_levels: bool = False,
) -> dict[tuple[str, str], pd.DataFrame]:
    """Packed sets by arm (`raw`, `cleaned`) and part (`training`, `validation`); the reference is in none.

    Args:
        pool: the released images, see `pool.read_pool`.
        decided: the last round.
        class_names: K.
        policy: what makes copies; without sub-policies there are none.
        per_class, strength, seed: see `packed_with_copies`. An edge case is a kept image of which nine in ten
            neighbours have its label; the farther from the nearest of them, the harder.
        validation_per_class: see `cleaned_parts`.
        validation_with_copies: images of each class in the cleaned validation set, originals and copies of them, all
            alike; None makes no copies.
        original_levels: see `packed_with_copies`.

    Raises:
        WinnowError: as `cleaned_parts`.
    """
    images = pool[pool["split"] != "label_book"].merge(decided.drop(columns="label"), on="image_id", validate="1:1")
    training, validation = cleaned_parts(images, class_names=class_names, validation_per_class=validation_per_class)
    plain = {"per_class": 0, "policy": policy, "strength": 0.0, "seed": seed, "original_levels": original_levels}
    copied, validating = plain, plain
    if policy.sub_policies:
        copied = plain | {"per_class": per_class, "strength": strength}
        validating = plain | {"per_class": validation_with_copies or 0, "seed": seed + 1}
    return {
        ("raw", "training"): _packed(images[images["split"] == "train"], "label", **plain),
        ("raw", "validation"): _packed(images[images["split"] == "val"], "label", **plain),
        ("cleaned", "training"): _packed(training, "final_label", **copied),
        ("cleaned", "validation"): _packed(validation, "final_label", **validating),
    }


def cleaned_parts(
    images: pd.DataFrame, *, class_names: Sequence[str], validation_per_class: int | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The kept images that are trained on, and those that choose the epoch.

    Args:
        images: of train/ and val/, with `split`, `image_bytes` and `final_label`, -1 for dropped.
        class_names: K.
        validation_per_class: different kept images of each class that validate, with all that are equal to them,
            whichever split they came in. None leaves both parts as they were released.

    Raises:
        WinnowError: as `drawn_of_each_class`.
    """
    kept = images[images["final_label"] >= 0]
    validates = kept["split"].to_numpy() == "val"
    if validation_per_class is not None:
        validates = drawn_of_each_class(
            kept["image_bytes"].tolist(),
            kept["final_label"].to_numpy(),
            validation_per_class,
            class_names=class_names,
        )
    return kept[~validates], kept[validates]


def drawn_of_each_class(
    image_bytes: Sequence[bytes], labels: np.ndarray, count: int, *, class_names: Sequence[str]
) -> np.ndarray:
    """(N,) bool: `count` pictures of each class, those whose digests come first, and all that are equal to them.

    Args:
        image_bytes: N files.
        labels: (N,) int in [0, K).
        count: of each class; files with the same pixels are one picture.
        class_names: K, for the error.

    Raises:
        WinnowError: if a class has no picture beside those drawn.
    """
    digests = pd.Series([pixel_digest(image) for image in pictures(image_bytes)], dtype=object)
    rank = digests.groupby(labels).rank(method="dense").to_numpy(dtype=np.float64)
    drawn: np.ndarray = digests.isin(set(digests[rank <= count])).to_numpy()
    left = np.bincount(labels[~drawn], minlength=len(class_names))
    if not left.all():
        emptied = int(left.argmin())
        raise WinnowError(
            f"copies.validation_per_class is {count}, and so no image of the class {class_names[emptied]}, which has "
            f"{digests[labels == emptied].nunique()} different ones, is left to train on; "
            f"{'lower it, or ' if count > 1 else ''}set it to null."
        )
    return drawn


def _packed(rows: pd.DataFrame, label: str, **options: Any) -> pd.DataFrame:
    return packed_with_copies(
        rows["image_id"].map(packed_name).to_numpy(),
        rows["image_bytes"].tolist(),
        rows[label].to_numpy(),
        edge_difficulty(rows, rows[label].to_numpy()),
        **options,
    )
