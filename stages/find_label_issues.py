"""Score every label (confident learning, kNN vote, zero-shot) and suggest a better one."""

from winnow import stage, tables
from winnow.detect.label_issues import score_labels, swapped_classes

FEATURES = "data/interim/features.npz"
PRED_PROBS = "data/interim/pred_probs.npz"
DUPLICATES = "data/interim/duplicates.parquet"


def main(params) -> str:
    manifest = tables.read_parquet("data/interim/manifest.parquet")
    image_id, labels = manifest["image_id"].to_numpy(), manifest["label"].to_numpy()
    arrays = tables.read_arrays(FEATURES)
    rows = tables.align(image_id, arrays["image_id"], FEATURES)
    zero_shot = arrays["zero_shot_pred_probs"][rows] if "zero_shot_pred_probs" in arrays else None
    probe = tables.read_arrays(PRED_PROBS)
    pred_probs = probe["pred_probs"][tables.align(image_id, probe["image_id"], PRED_PROBS)]
    duplicates = tables.read_parquet(DUPLICATES)
    groups = duplicates["duplicate_group"].to_numpy()[tables.align(image_id, duplicates["image_id"], DUPLICATES)]

    scores = score_labels(
        labels,
        pred_probs,
        arrays["features"][rows],
        neighbours=params.label_issues.neighbours,
        zero_shot_pred_probs=zero_shot,
        groups=groups,
    )
    scores.insert(0, "image_id", image_id)
    tables.write_parquet(scores, "data/interim/label_issues.parquet")

    issues = int(scores["is_label_issue"].sum())
    disagreeing = int((scores["suggested_label"] != labels).sum())
    swapped = [] if zero_shot is None else swapped_classes(pred_probs, zero_shot)
    tables.write_json(
        "metrics/label_issues.json",
        {
            "images": len(labels),
            "sources": int(scores["sources"].iloc[0]),
            # Three estimates of the noise rate. Confident learning tends to be low, disagreement high.
            "confident_learning_issues": issues,
            "confident_learning_share": issues / len(labels),
            "suggestion_disagrees": disagreeing,
            "suggestion_disagrees_share": disagreeing / len(labels),
            "expected_wrong_share": float(1 - scores["label_quality_score"].mean()),
            "mean_label_quality": float(scores["label_quality_score"].mean()),
            "class_names_look_swapped": [list(pair) for pair in swapped],
        },
    )
    warning = "".join(f"; the names of classes {a} and {b} look exchanged" for a, b in swapped)
    return f"{issues} label issues ({issues / len(labels):.1%}) by confident learning{warning}"


if __name__ == "__main__":
    stage.run("find_label_issues", main)
