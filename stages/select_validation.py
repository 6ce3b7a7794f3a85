"""Choose a clean, diverse validation set and finish the ledger."""

import numpy as np

from winnow import stage, tables
from winnow.curation.packed import pack_originals
from winnow.curation.validation import assign_splits, select_validation
from winnow.data.decode import decode_pixels
from winnow.detect.duplicates import LEAK_HASH_DISTANCE, cross_duplicates


def main(params) -> str:
    decisions = tables.read_parquet("data/interim/decisions.parquet")
    class_names = tables.read_json("data/interim/classes.json")
    image_id = decisions["image_id"].to_numpy()
    features = tables.read_arrays("data/interim/features.npz")
    features = features["features"][tables.align(image_id, features["image_id"], "data/interim/features.npz")]
    images = tables.read_parquet("data/interim/images.parquet")
    images = images.iloc[tables.align(image_id, images["image_id"].to_numpy(), "data/interim/images.parquet")]
    image_bytes = images["image_bytes"].to_numpy()

    validation = select_validation(decisions, features, num_classes=len(class_names), **params.validation.model_dump())
    pixels = decode_pixels(image_bytes, image_size=params.data.image_size)
    others = np.setdiff1d(np.arange(len(decisions)), validation)
    pairs = cross_duplicates(pixels[validation], pixels[others], max_hash_distance=LEAK_HASH_DISTANCE)
    leaks = {int(others[other]): int(validation[own]) for own, other, _ in pairs}
    ledger = assign_splits(decisions, validation, leaks, class_names=class_names)
    tables.write_parquet(ledger, "data/processed/ledger.parquet")

    honest = (ledger["split"] != "validation") & ~ledger["leaks_validation"]
    for name, rows, column in (
        ("validation", ledger["split"] == "validation", "final_label"),
        ("baseline", honest, "label"),
    ):
        rows = np.flatnonzero(rows)
        packed = pack_originals(image_id[rows], ledger[column].to_numpy()[rows], image_bytes[rows])
        tables.write_parquet(packed, f"data/processed/{name}_set.parquet")

    counts = np.bincount(ledger["final_label"][ledger["split"] == "validation"], minlength=len(class_names))
    seen = (ledger["split"] == "validation") & (ledger["decided_by"] != "rule")
    tables.write_json(
        "metrics/validation_set.json",
        {
            "images": int(counts.sum()),
            "seen_by_people": int(seen.sum()),
            "near_duplicates_removed_from_training": int((ledger["rule"] == "validation_leak").sum()),
            "per_class": dict(zip(class_names, counts.tolist(), strict=True)),
        },
    )
    return f"{counts.sum()} validation images, {counts.min()} to {counts.max()} per class"


if __name__ == "__main__":
    stage.run("select_validation", main)
