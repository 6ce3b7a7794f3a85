"""Choose a clean, diverse validation set, with what people confirmed and rejected, and finish the ledger."""

import sys

import numpy as np
import pandas as pd

from winnow import stage, tables
from winnow.curation.review import read_confirmations
from winnow.curation.validation import apply_confirmations, assign_splits, require_every_class, select_validation
from winnow.data.decode import decode_pixels
from winnow.data.packed import join_packed, pack_originals
from winnow.detect.duplicates.search import LEAK_HASH_DISTANCE, cross_duplicates


def main(params) -> str:
    decisions = tables.read_parquet("data/interim/decisions.parquet")
    class_names = tables.read_json("data/interim/classes.json")
    image_id = decisions["image_id"].to_numpy()
    features = tables.read_arrays("data/interim/features.npz")
    features = features["features"][tables.align(image_id, features["image_id"], "data/interim/features.npz")]
    images = tables.read_parquet("data/interim/images.parquet")
    images = images.iloc[tables.align(image_id, images["image_id"].to_numpy(), "data/interim/images.parquet")]
    image_bytes = images["image_bytes"].to_numpy()

    outside = tables.read_parquet("data/interim/outside.parquet")
    known = [*image_id, *outside["image_id"]]
    answers = read_confirmations("data/review/validation.csv", image_id=known, class_names=class_names)
    decisions, confirmed, rejected, contradicted = apply_confirmations(decisions, answers, class_names=class_names)
    if contradicted:
        print(
            f"warning: {len(contradicted)} images are confirmed in data/review/validation.csv but decided otherwise in "
            f"data/review/decisions.csv, which stands; the first is {contradicted[0]}.",
            file=sys.stderr,
        )
    outside = confirmed_photos(outside, answers)
    validation = select_validation(
        decisions,
        features,
        num_classes=len(class_names),
        confirmed=confirmed,
        rejected=rejected,
        from_outside=np.bincount(outside["label"], minlength=len(class_names)),
        **params.validation.model_dump(),
    )

    pixels = decode_pixels(image_bytes, image_size=params.data.image_size)
    others = np.setdiff1d(np.arange(len(decisions)), validation)
    leaks = dict(leaking(pixels[validation], validation, pixels[others], others))
    photos = decode_pixels(outside["image_bytes"].to_list(), image_size=params.data.image_size)
    outside_leaks = dict(leaking(photos, outside["image_id"].to_numpy(), pixels[others], others))
    outside_leaks |= known_leaks(outside, image_id)
    ledger = assign_splits(decisions, validation, leaks, class_names=class_names, outside_leaks=outside_leaks)
    validated = np.concatenate([ledger["final_label"][ledger["split"] == "validation"], outside["label"]])
    require_every_class(ledger["final_label"][ledger["split"] == "train"], validated, class_names=class_names)
    tables.write_parquet(ledger, "data/processed/ledger.parquet")

    honest = (ledger["split"] != "validation") & ~ledger["leaks_validation"]
    sets = {}
    for name, rows, column in (
        ("validation", ledger["split"] == "validation", "final_label"),
        ("baseline", honest, "label"),
    ):
        rows = np.flatnonzero(rows)
        sets[name] = pack_originals(image_id[rows], ledger[column].to_numpy()[rows], image_bytes[rows])
    if len(outside):
        columns = (outside[name].to_numpy() for name in ("image_id", "label", "image_bytes"))
        sets["validation"] = join_packed(sets["validation"], pack_originals(*columns))
    for name, packed in sets.items():
        tables.write_parquet(packed, f"data/processed/{name}_set.parquet")

    counts = np.bincount(sets["validation"]["label"], minlength=len(class_names))
    looked_at = (ledger["decided_by"] != "rule") | (ledger["confirmed_by"] != "")
    seen = int(((ledger["split"] == "validation") & looked_at).sum()) + len(outside)
    tables.write_json(
        "metrics/validation_set.json",
        {
            "images": int(counts.sum()),
            "seen_by_people": seen,
            **({"from_outside": len(outside)} if len(outside) else {}),
            "near_duplicates_removed_from_training": int((ledger["rule"] == "validation_leak").sum()),
            "per_class": dict(zip(class_names, counts.tolist(), strict=True)),
        },
    )
    people = f", {seen} of them seen by people" if seen else ""
    return f"{counts.sum()} validation images{people}, {counts.min()} to {counts.max()} per class"


def confirmed_photos(outside: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """The photos from outside that people confirmed, with the label that they confirmed."""
    confirmed = answers[answers["verdict"] == "confirm"].set_index("image_id")["label"]
    chosen = outside[outside["image_id"].isin(confirmed.index)].reset_index(drop=True)
    return chosen.assign(label=chosen["image_id"].map(confirmed).astype(np.int64))


def known_leaks(outside: pd.DataFrame, image_id: np.ndarray) -> dict[int, str]:
    """Row of each image of the dataset that a photo from outside nearly equals, cropped or whole, and the photo."""
    row = {name: position for position, name in enumerate(image_id)}
    pairs = zip(outside["counterparts"], outside["image_id"], strict=True)
    return {row[name]: photo for names, photo in pairs for name in names.split(",") if name in row}


def leaking(pixels: np.ndarray, names: np.ndarray, others: np.ndarray, other_names: np.ndarray):
    """(name among the others, name) of each pair of near duplicates."""
    if not len(pixels) or not len(others):
        return
    for own, other, _ in cross_duplicates(pixels, others, max_hash_distance=LEAK_HASH_DISTANCE):
        yield int(other_names[other]), names[own].item() if isinstance(names[own], np.generic) else names[own]


if __name__ == "__main__":
    stage.run("select_validation", main)
