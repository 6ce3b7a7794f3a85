"""Take one reasoned decision per image: keep, relabel or drop."""

import numpy as np

from winnow import stage, tables
from winnow.curation.decide import Thresholds, decide
from winnow.curation.review import digests, read_review

FAULTS = "data/interim/image_faults.parquet"


def main(params) -> str:
    scores = tables.read_parquet("data/interim/manifest.parquet")
    class_names = tables.read_json("data/interim/classes.json")
    for name in ("duplicates", "label_issues", "ood_scores"):
        other = tables.read_parquet(f"data/interim/{name}.parquet")
        rows = tables.align(scores["image_id"].to_numpy(), other["image_id"].to_numpy(), f"data/interim/{name}.parquet")
        other = other.drop(columns=[column for column in other.columns if column in scores.columns])
        scores = scores.join(other.iloc[rows].reset_index(drop=True))
    faults = tables.read_parquet(FAULTS, ["image_id", "image_faults"])
    rows = tables.align(scores["image_id"].to_numpy(), faults["image_id"].to_numpy(), FAULTS)
    scores["image_faults"] = faults["image_faults"].to_numpy()[rows]
    review = read_review("data/review/decisions.csv", images=digests(scores), class_names=class_names)
    stage.warn(review.warnings)
    thresholds = Thresholds(**params.curate.model_dump())
    decisions = decide(scores, class_names=class_names, thresholds=thresholds, review=review.rows)
    tables.write_parquet(decisions, "data/interim/decisions.parquet")

    counts = decisions["action"].value_counts()
    kept = np.bincount(decisions["final_label"][decisions["final_label"] >= 0], minlength=len(class_names))
    tables.write_json(
        "metrics/curate.json",
        {
            "images": len(decisions),
            **{action: int(counts.get(action, 0)) for action in ("keep", "relabel", "drop")},
            "drop_rate": round(float((decisions["action"] == "drop").mean()), 6),
            "relabel_rate": round(float((decisions["action"] == "relabel").mean()), 6),
            "decided_by_people": int((decisions["decided_by"] != "rule").sum()),
            "rules": decisions["rule"].value_counts().sort_index().to_dict(),
            "remaining": dict(zip(class_names, kept.tolist(), strict=True)),
        },
    )
    short = [name for name, count in zip(class_names, kept, strict=True) if count < thresholds.class_floor]
    warning = f"; under the floor of {thresholds.class_floor} for want of images: {', '.join(short)}" if short else ""
    return ", ".join(f"{counts.get(action, 0)} {action}" for action in ("keep", "relabel", "drop")) + warning


if __name__ == "__main__":
    stage.run("curate", main)
