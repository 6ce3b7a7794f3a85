"""The validation set as a whole: chosen, kept apart from training, packed, and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules import VALIDATION_LEAK
from winnow.curation.validation import apply_confirmations, assign_splits, require_every_class, select_validation
from winnow.data.images import resized_bytes
from winnow.data.packed import PackedSet, join_packed, pack_originals
from winnow.data.pixels import DecodedPixels, Pixels
from winnow.detect.duplicates.hashed import HashedImages
from winnow.detect.duplicates.leaks import find_leaks
from winnow.errors import NO_LABELS
from winnow.row_groups import Values


@dataclass(frozen=True)
class ValidationSet:
    """The result of `make_validation_set`.

    Attributes:
        ledger: a row per image of the dataset, as `assign_splits` returns it.
        sets: `validation` and `baseline`, packed. The baseline is all of the dataset under its given labels, less the
            validation images and what leaks them.
        metrics: `images`, `seen_by_people`, `from_outside` (external photos, where there are any),
            `near_duplicates_removed_from_training` and `per_class`, counts.
        warnings: sentences on verdicts that contradict each other.
        summary: the set in a line.
    """

    ledger: pd.DataFrame
    sets: dict[str, PackedSet]
    metrics: dict[str, Any]
    warnings: list[str]
    summary: str


def make_validation_set(
    decisions: pd.DataFrame,
    features: np.ndarray,
    image_bytes: Values,
    external: pd.DataFrame,
    confirmations: pd.DataFrame,
    *,
    class_names: Sequence[str],
    per_class: int,
    max_total: int,
    min_label_quality: float,
    max_ood_score: float,
    seed: int,
    resized_to: int | None = None,
) -> ValidationSet:
    """Choose the validation set and finish the ledger.

    What people confirmed is in, also external photos; what they rejected is out; `select_validation` fills up the rest.
    Near duplicates of validation images, by group or by `find_leaks`, leave training.

    Args:
        decisions: (N rows) as `decide` returns them.
        features: (N, D) float32, L2-normalised, in the same order.
        image_bytes: (N,) encoded images, in the same order.
        resized_to: the side that the sets' images are brought to; None where they have one size.
        external: external photos as `check_external` returns them.
        confirmations: as `read_confirmations` returns them.
        class_names: K names; none where images have no labels, and then there is no validation set.
        per_class, max_total, min_label_quality, max_ood_score, seed: of `select_validation`.

    Raises:
        WinnowError: if a class would have no image to train on or to validate with, or `max_total` allows too few.
    """
    names = list(class_names)
    if not names:
        return _without_labels(decisions, image_bytes)
    decisions, confirmed, rejected, contradicted = apply_confirmations(decisions, confirmations, class_names=names)
    photos = confirmed_photos(external, confirmations)
    validation = select_validation(
        decisions,
        features,
        num_classes=len(names),
        confirmed=confirmed,
        rejected=rejected,
        external=np.bincount(photos["label"], minlength=len(names)),
        per_class=per_class,
        max_total=max_total,
        min_label_quality=min_label_quality,
        max_ood_score=max_ood_score,
        seed=seed,
    )
    image_id = decisions["image_id"].to_numpy()
    leaks, external_leaks = leaks_of(validation, photos, image_id, DecodedPixels(image_bytes, resized_to=resized_to))
    image_bytes = resized_bytes(image_bytes, image_size=resized_to)
    ledger = assign_splits(decisions, validation, leaks, class_names=names, external_leaks=external_leaks)
    in_validation = (ledger["split"] == "validation").to_numpy()
    validated = np.concatenate([ledger["final_label"][in_validation], photos["label"]])
    trained_on = ledger["final_label"][ledger["split"] == "train"].to_numpy()
    require_every_class(trained_on, validated, class_names=names)

    sets = {
        "validation": _packed(ledger, in_validation, "final_label", image_bytes),
        "baseline": _packed(ledger, ~in_validation & ~ledger["leaks_validation"].to_numpy(), "label", image_bytes),
    }
    if len(photos):
        columns = (photos[name].to_numpy() for name in ("image_id", "label", "image_bytes"))
        sets["validation"] = join_packed(sets["validation"], pack_originals(*columns))
    counts = np.bincount(sets["validation"].rows["label"], minlength=len(names))
    looked_at = (ledger["decided_by"] != "rule") | (ledger["confirmed_by"] != "")
    seen = int((in_validation & looked_at).sum()) + len(photos)
    metrics = {
        "images": int(counts.sum()),
        "seen_by_people": seen,
        **({"from_outside": len(photos)} if len(photos) else {}),
        "near_duplicates_removed_from_training": int((ledger["rule"] == VALIDATION_LEAK.name).sum()),
        "per_class": dict(zip(names, counts.tolist(), strict=True)),
    }
    people = f", {seen} of them seen by people" if seen else ""
    summary = f"{counts.sum()} validation images{people}, {counts.min()} to {counts.max()} per class"
    return ValidationSet(ledger, sets, metrics, _contradictions(contradicted), summary)


def _without_labels(decisions: pd.DataFrame, image_bytes: Values) -> ValidationSet:
    """Nothing can be validated: all that stays is in one part."""
    ledger = assign_splits(decisions.assign(confirmed_by=""), np.empty(0, np.int64), {}, class_names=[])
    empty = _packed(ledger, np.zeros(len(ledger), bool), "label", image_bytes)
    sets = {"validation": empty, "baseline": empty}
    return ValidationSet(ledger, sets, {"images": 0, "skipped": NO_LABELS}, [], f"no validation set: {NO_LABELS}")


def confirmed_photos(external: pd.DataFrame, confirmations: pd.DataFrame) -> pd.DataFrame:
    """The external photos that people confirmed, with the label that they confirmed."""
    confirmed = confirmations[confirmations["verdict"] == "confirm"].set_index("image_id")["label"]
    chosen = external[external["image_id"].isin(confirmed.index)].reset_index(drop=True)
    return chosen.assign(label=chosen["image_id"].map(confirmed).astype(np.int64))


def leaks_of(
    validation: np.ndarray, photos: pd.DataFrame, image_id: np.ndarray, pixels: Pixels
) -> tuple[dict[int, int], dict[int, str]]:
    """Search the images outside the validation set for near duplicates of those in it.

    Args:
        validation: sorted row positions of the validation images.
        photos: external photos in the validation set, with `image_id`, `image_bytes` and `counterparts`.
        image_id, pixels: (N,) and (N, H, W, 3) uint8 of the dataset.

    Returns:
        By row position, the row of the validation image that each leaks, and the id of the external photo.
    """
    images = HashedImages.of(pixels)
    others = np.setdiff1d(np.arange(len(image_id)), validation)
    training = images.subset(others)
    found = find_leaks(images.subset(validation), training)
    leaks = dict(zip(others[found.second].tolist(), validation[found.first].tolist(), strict=True))
    found = find_leaks(DecodedPixels(photos["image_bytes"].to_numpy()), training)
    names = photos["image_id"].to_numpy()[found.first].tolist()
    return leaks, dict(zip(others[found.second].tolist(), names, strict=True)) | known_leaks(photos, image_id)


def known_leaks(photos: pd.DataFrame, image_id: np.ndarray) -> dict[int, str]:
    """Row of each image that an external photo nearly equals, cropped or whole (its `counterparts`), and the photo."""
    row = {name: position for position, name in enumerate(image_id)}
    pairs = zip(photos["counterparts"], photos["image_id"], strict=True)
    return {row[name]: photo for names, photo in pairs for name in names.split(",") if name in row}


def _packed(ledger: pd.DataFrame, chosen: np.ndarray, label: str, image_bytes: Values) -> PackedSet:
    rows = np.flatnonzero(chosen)
    image_id, labels = (ledger[column].to_numpy()[rows] for column in ("image_id", label))
    return pack_originals(image_id, labels, image_bytes.take(rows))


def _contradictions(image_id: Sequence[str]) -> list[str]:
    if not image_id:
        return []
    return [
        f"{len(image_id)} images are confirmed in validation.csv but decided otherwise in decisions.csv, which stands; "
        f"the first is {image_id[0]}."
    ]
