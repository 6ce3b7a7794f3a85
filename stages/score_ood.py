"""Score how much every image looks like none of the classes (distances, uncertainty, zero-shot, a probe)."""

import pandas as pd

from winnow import stage, tables
from winnow.detect.outliers.ood import score_ood

FEATURES = "data/interim/features.npz"
PRED_PROBS = "data/interim/pred_probs.npz"
CLASS_PROBS = "data/interim/class_probs.npz"


def main(params) -> str:
    manifest = tables.read_parquet("data/interim/manifest.parquet", ["image_id", "label"])
    image_id = manifest["image_id"].to_numpy().astype(str)
    arrays = tables.read_arrays(FEATURES)
    rows = tables.align(image_id, arrays["image_id"], FEATURES)
    probe = tables.read_arrays(PRED_PROBS)
    believed = tables.read_arrays(CLASS_PROBS)

    scores = score_ood(
        arrays["features"][rows],
        manifest["label"].to_numpy(),
        believed["class_probs"][tables.align(image_id, believed["image_id"], CLASS_PROBS)],
        believed["noise_rates"],
        fold=probe["fold"][tables.align(image_id, probe["image_id"], PRED_PROBS)],
        neighbours=params.ood.neighbours,
        trim=params.ood.trim,
        l2=float(probe["l2"]),
        in_class_probability=arrays["in_class_probability"][rows] if "in_class_probability" in arrays else None,
    )
    frame = pd.concat([pd.DataFrame({"image_id": image_id}), scores.frame], axis=1)
    tables.write_parquet(frame, "data/interim/ood_scores.parquet")
    found = int(frame["is_ood"].sum())
    tables.write_json(
        "metrics/ood.json",
        {"images": len(frame), "ood": found, "ood_share": found / len(frame), "estimated_share": scores.share},
    )
    return f"{found} of {len(frame)} images look like no class (estimated share: {scores.share:.1%})"


if __name__ == "__main__":
    stage.run("score_ood", main)
