"""An improbable label is replaced where the evidence for another is strong; where it is not, the image is dropped."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.estimates import wrong_label_probability
from winnow.curation.rules.rule import Context, Cut, Decision, Outcome, Restoring, Rule, Target, Threshold, Thresholds
from winnow.detect.labels import LABEL_QUALITY, SOURCES, SUGGESTED_CONFIDENCE


def _suggests_another(frame: pd.DataFrame) -> np.ndarray:
    return (frame["suggested_label"] != frame["label"]).to_numpy()


def _withheld(frame: pd.DataFrame, thresholds: Thresholds) -> str:
    """Probabilities in which most labels are wrong come of features that do not tell the classes apart."""
    if frame.empty:
        return ""
    if (frame["label"] < 0).all():
        return "The images have no labels: label issues, relabelling and a validation set are skipped."
    wrong, most = wrong_label_probability(frame).mean(), thresholds["max_wrong_labels"]
    if wrong <= most:
        return ""
    return (
        f"Label issues are withheld: {wrong:.0%} of the labels would be wrong, more than curate.max_wrong_labels "
        f"({most:.0%}). Most likely the features hardly tell the classes apart: choose a pretrained encoder "
        "(embed.encoder), or add images."
    )


def _decides(frame: pd.DataFrame, thresholds: Thresholds) -> Decision:
    relabel = (frame[SUGGESTED_CONFIDENCE.name] >= thresholds["relabel_confidence"]) & (
        frame["agreeing_sources"] >= thresholds["relabel_sources"]
    )
    return Decision(
        action=np.where(relabel, "relabel", "drop"), final_label=np.where(relabel, frame["suggested_label"], -1)
    )


def _explains(row: Any, context: Context) -> str:
    given, suggested = context.class_names[row.label], context.class_names[row.suggested_label]
    thresholds = context.thresholds
    evidence = (
        f"confidence {row.suggested_confidence:.2f} (needed: {thresholds['relabel_confidence']:g}), "
        f"{row.agreeing_sources} of {row.sources} sources (needed: {thresholds['relabel_sources']})"
    )
    start = f"label {given} has quality {row.label_quality_score:.2f}, below {thresholds['label_quality_threshold']:g}"
    if row.action == "relabel":
        return f"{start}; relabelled to {suggested}: {evidence}"
    return f"{start}; too little speaks for {suggested}: {evidence}"


LABEL_ISSUE = Rule(
    name="label_issue",
    words="label issues",
    meaning="the label is probably wrong",
    thresholds=(
        Threshold("label_quality_threshold", "Label quality"),
        Threshold("relabel_confidence", "Relabel confidence"),
        Threshold("max_wrong_labels", "Most wrong labels"),
        Threshold("relabel_sources", "Relabel sources", span=lambda: (1, len(SOURCES))),
    ),
    withheld=_withheld,
    decides=_decides,
    cuts=(
        Cut(LABEL_QUALITY, "label_quality_threshold", among=_suggests_another, caption="quality {:.2f}"),
        Cut(
            SUGGESTED_CONFIDENCE, "relabel_confidence", among=lambda frame: frame["flagged_label_issue"].to_numpy(bool)
        ),
    ),
    explains=_explains,
    unfit=False,  # of copies with different labels the best supported one stays, and is relabelled at need
    restoring=Restoring(turn=0, best_first=LABEL_QUALITY),
    outcome=Outcome("label_issue", "dropped: label", light="#cc79a7", dark="#cc79a7"),
    target=Target("true_label", "label_errors", words="label errors", faulty="wrong labels"),
)
