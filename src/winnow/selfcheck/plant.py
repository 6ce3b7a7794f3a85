"""Planting: known label flips, foreign pictures and copies, in a copy of the data; the originals stay as they are."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.curation.rules import KEEP, RULES
from winnow.data.pixels import Pixels
from winnow.errors import WinnowError
from winnow.selfcheck.pictures import COPIES, FOREIGN


@dataclass(frozen=True)
class Planted:
    """A dataset with faults in it that are known.

    Attributes:
        images: a row per image, the N originals in their order, then the M planted ones: `image_id`, `label` (with
            the flips), `true_label` (without; for a copy its source's, for a foreign picture -1), `fault` (`label`,
            `ood`, `duplicate`, "" for none), `kind` (of the fault, "" for none), `source` (a copy's original's
            image_id, else ""), `judged` (bool: an original that `clean_images` names, or planted).
        new_pixels: (M, H, W, 3) uint8.
    """

    images: pd.DataFrame
    new_pixels: np.ndarray


def clean_images(decisions: pd.DataFrame) -> np.ndarray:
    """(N,) bool: images that no rule flags, that are kept with their label, and that are no duplicates."""
    flags = decisions[sorted({rule.flag for rule in RULES if rule.flag})].any(axis=1)
    return (
        decisions["rule"].eq(KEEP.name)
        & ~flags
        & decisions["duplicate_kind"].eq("")
        & decisions["suggested_label"].eq(decisions["label"])
    ).to_numpy()


def plant_faults(
    image_id: np.ndarray,
    labels: np.ndarray,
    pixels: Pixels,
    pred_probs: np.ndarray,
    clean: np.ndarray,
    *,
    label_flips: float,
    ood: float,
    duplicates: float,
    seed: int,
) -> Planted:
    """Plant each kind of fault, each in or from an image of its own.

    - Label flips, in clean images: of each class half `pairwise`, to the class that the probabilities
      confuse it with most, half `uniform`, to any other class.
    - Foreign pictures (`shuffled_crop`, `noise`, `photograph`, a third each), labelled as the data is.
    - Copies of clean images (`exact`, `recompressed`, `shifted`, a third each), labelled as their source.
      Mirror images are not planted: whether they are copies depends on the dataset.

    Args:
        image_id: (N,) unique strings.
        labels: (N,) int in [0, K), as given.
        pixels: (N, H, W, 3) uint8, squares.
        pred_probs: (N, K), out of sample.
        clean: (N,) bool, as `clean_images` gives it.
        label_flips: share of each class's clean images, in [0, 0.5].
        ood: foreign pictures to add, as a share of N.
        duplicates: copies to add, as a share of N; at most as many as there are images to copy.
        seed: of every choice; the same arguments give the same bytes.

    Raises:
        WinnowError: if no image is clean.
    """
    if not clean.any():
        raise WinnowError(
            "the self-check plants faults in images that no detector flags, and there are none; "
            "loosen curate's thresholds, or set self_check.enabled to false."
        )
    rng = np.random.default_rng(seed)
    planted_label = np.array(labels, dtype=np.int64)
    kind = np.full(len(labels), "", dtype=object)
    for label in range(pred_probs.shape[1]) if pred_probs.shape[1] > 1 else ():
        members = np.flatnonzero(clean & (labels == label))
        flipped = rng.permutation(members)[: round(label_flips * len(members))]
        pairwise, uniform = np.array_split(flipped, 2)
        others = np.delete(np.arange(pred_probs.shape[1]), label)
        if len(flipped):
            planted_label[pairwise] = others[pred_probs[members][:, others].mean(axis=0).argmax()]
        planted_label[uniform] = rng.choice(others, len(uniform))
        kind[pairwise], kind[uniform] = "pairwise", "uniform"

    copyable = np.flatnonzero(clean & (kind == ""))
    sources = rng.permutation(copyable)[: round(duplicates * len(labels))]
    models = rng.integers(0, len(labels), round(ood * len(labels)))  # whose parts are shuffled, and whose labels copied
    copy_kinds, foreign_kinds = _in_turn(COPIES, len(sources)), _in_turn(FOREIGN, len(models))
    new_pixels = [FOREIGN[name](image, rng) for name, image in zip(foreign_kinds, pixels[models], strict=True)]
    new_pixels += [COPIES[name](image, rng) for name, image in zip(copy_kinds, pixels[sources], strict=True)]

    originals = pd.DataFrame(
        {
            "image_id": np.asarray(image_id).astype(str),
            "label": planted_label,
            "true_label": np.asarray(labels, dtype=np.int64),
            "fault": np.where(kind == "", "", "label"),
            "kind": kind,
            "source": "",
            "judged": clean,
        }
    )
    added = pd.DataFrame(
        {
            "image_id": [f"planted_{number:06d}" for number in range(len(new_pixels))],
            "label": np.concatenate([labels[models], labels[sources]]).astype(np.int64),
            "true_label": np.concatenate([np.full(len(models), -1), labels[sources]]).astype(np.int64),
            "fault": ["ood"] * len(models) + ["duplicate"] * len(sources),
            "kind": foreign_kinds + copy_kinds,
            "source": [""] * len(models) + originals["image_id"].to_numpy()[sources].tolist(),
            "judged": True,
        }
    )
    return Planted(
        images=pd.concat([originals, added], ignore_index=True),
        new_pixels=np.stack(new_pixels) if new_pixels else np.empty((0, *pixels.shape[1:]), dtype=np.uint8),
    )


def _in_turn(kinds: Iterable[str], count: int) -> list[str]:
    """`count` names, each kind as often as the others or once more."""
    names: list[str] = np.resize(list(kinds), count).tolist()
    return names
