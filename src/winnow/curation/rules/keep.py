"""What no rule takes is kept as it came."""

from typing import Any

from winnow.curation.rules.rule import Context, Decision, Rule


def _explains(row: Any, context: Context) -> str:
    if row.label < 0:
        return f"nothing speaks against the image (out-of-distribution score {row.ood_score:.2f})"
    hard = row.label_quality_score < context.thresholds["label_quality_threshold"]
    why = "hard, but no other label fits better than" if hard else "nothing speaks against the label"
    scores = f"quality {row.label_quality_score:.2f}, out-of-distribution score {row.ood_score:.2f}"
    return f"{why} {context.class_names[row.label]} ({scores})"


KEEP = Rule(
    name="keep",
    words="kept",
    meaning="no rule applies",
    decides=lambda frame, thresholds: Decision(action="keep", final_label=frame["label"].to_numpy()),
    explains=_explains,
)
