"""Score every label by several sources heard together, suggest a better one, and estimate the noise."""

import sys

import numpy as np
import pandas as pd

from winnow import stage, tables
from winnow.detect.labels.class_names import flipped_majorities, swapped_classes
from winnow.detect.labels.label_issues import score_labels
from winnow.detect.labels.noise_report import noise_estimates, transition_table

FEATURES = "data/interim/features.npz"
PRED_PROBS = "data/interim/pred_probs.npz"
DUPLICATES = "data/interim/duplicates.parquet"


def main(params) -> str:
    manifest = tables.read_parquet("data/interim/manifest.parquet")
    class_names = tables.read_json("data/interim/classes.json")
    image_id, labels = manifest["image_id"].to_numpy().astype(str), manifest["label"].to_numpy()
    arrays = tables.read_arrays(FEATURES)
    rows = tables.align(image_id, arrays["image_id"], FEATURES)
    features = arrays["features"][rows]
    zero_shot = arrays["zero_shot_pred_probs"][rows] if "zero_shot_pred_probs" in arrays else None
    probe = tables.read_arrays(PRED_PROBS)
    at = tables.align(image_id, probe["image_id"], PRED_PROBS)
    duplicates = tables.read_parquet(DUPLICATES)
    groups = duplicates["duplicate_group"].to_numpy()[tables.align(image_id, duplicates["image_id"], DUPLICATES)]

    scores = score_labels(
        labels,
        probe["pred_probs"][at],
        features,
        fold=probe["fold"][at],
        l2=float(probe["l2"]),
        neighbours=params.label_issues.neighbours,
        zero_shot_pred_probs=zero_shot,
        groups=groups,
    )
    frame = pd.concat([pd.DataFrame({"image_id": image_id}), scores.frame], axis=1)
    tables.write_parquet(frame, "data/interim/label_issues.parquet")
    tables.write_arrays(
        "data/interim/class_probs.npz",
        image_id=image_id,
        class_probs=scores.class_probs,
        noise_rates=scores.noise_rates,
    )
    tables.write_csv(transition_table(scores.noise_rates, class_names), "metrics/noise_transition.csv")

    issues = int(frame["is_label_issue"].sum())
    swapped = [] if zero_shot is None else swapped_classes(probe["pred_probs"][at], zero_shot)
    flipped = [] if zero_shot is None else flipped_majorities(labels, zero_shot)
    estimates = noise_estimates(labels, scores)
    tables.write_json(
        "metrics/label_issues.json",
        {
            "images": len(labels),
            "label_issues": issues,
            "label_issues_share": issues / len(labels),
            "label_quality_cut": scores.cut,
            "expected_f1": scores.expected_f1,
            "sources": scores.source_weights,
            "noise_rate": estimates,
            "mean_label_quality": float(frame["label_quality_score"].mean()),
            "class_names_look_swapped": [list(pair) for pair in swapped],
            "majorities_look_flipped": [
                {"class": class_names[true], "given": class_names[given], "share": share}
                for true, given, share in flipped
            ],
        },
    )
    for a, b in swapped:
        print(f"warning: the names {class_names[a]} and {class_names[b]} look exchanged.", file=sys.stderr)
    for true, given, share in flipped:
        print(
            f"warning: of the images that look like {class_names[true]}, {share:.0%} are labelled "
            f"{class_names[given]}: nothing that learns from the labels can mend this; look at them.",
            file=sys.stderr,
        )
    rates = np.array([rate for rate in estimates.values() if rate is not None])
    return (
        f"{issues} label issues ({issues / len(labels):.1%}); noise estimated at {rates.min():.0%} to {rates.max():.0%}"
    )


if __name__ == "__main__":
    stage.run("find_label_issues", main)
