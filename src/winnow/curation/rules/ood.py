"""An image that looks like none of the classes is dropped where several detectors agree."""

from typing import Any

import pandas as pd

from winnow.curation.rules.rule import Context, Cut, Outcome, Restoring, Rule, Target, Threshold, Thresholds
from winnow.detect.outliers import DETECTORS, OOD_SCORE


def _applies(frame: pd.DataFrame, thresholds: Thresholds) -> pd.Series:
    agreeing = frame["ood_detectors"] >= thresholds["ood_detectors"]
    taken: pd.Series = (frame[OOD_SCORE.name] >= thresholds["ood_threshold"]) & agreeing
    return taken


def _withheld(frame: pd.DataFrame, thresholds: Thresholds) -> str:
    if frame.empty or (frame["label"] >= 0).any():
        return ""
    return "Odd images are listed and kept: without classes nothing says that they do not belong."


def _explains(row: Any, context: Context) -> str:
    threshold, needed = context.thresholds["ood_threshold"], context.thresholds["ood_detectors"]
    return (
        f"out of distribution: score {row.ood_score:.2f}, the threshold is {threshold:g}; "
        f"{row.ood_detectors} detectors find it odd (needed: {needed})"
    )


OOD = Rule(
    name="ood",
    words="out of distribution",
    meaning="far from every class",
    thresholds=(
        Threshold("ood_threshold", "Out-of-distribution score"),
        Threshold("ood_detectors", "Detectors that agree", span=lambda: (1, len(DETECTORS))),
    ),
    applies=_applies,
    withheld=_withheld,
    cuts=(Cut(OOD_SCORE, "ood_threshold", caption="score {:.1f}"),),
    explains=_explains,
    restoring=Restoring(turn=2, best_first=OOD_SCORE),
    outcome=Outcome("ood", "dropped: outlier", light="#d55e00", dark="#f0772b"),
    target=Target("is_ood", "ood", faulty="out-of-distribution images"),
)
