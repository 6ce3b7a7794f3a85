"""Of every class the images whose labels are most in doubt may go, although no other label fits them better.

A network that is trained from scratch learns wrong labels by heart: docs/benchmarks.md has what they cost, beside what
fewer images cost.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.estimates import final_label_probability
from winnow.curation.rules.label_issue import LABEL_ISSUE
from winnow.curation.rules.rule import Context, Outcome, Rule, Threshold, Thresholds


def _explains(row: Any, context: Context) -> str:
    share = context.thresholds["doubtful_share"]
    return (
        f"its label is among the {share:.0%} of its class that are most in doubt "
        f"(given as {context.class_names[row.label]}, of quality {row.label_quality_score:.2f})"
    )


DOUBTFUL_LABEL = Rule(
    name="doubtful_label",
    words="doubtful labels",
    meaning="the label is among those of its class that are most in doubt",
    thresholds=(Threshold("doubtful_share", "Doubtful share"),),
    switch="doubtful_share",
    explains=_explains,
    outcome=Outcome("doubtful", "dropped: in doubt", light="#8c6d00", dark="#f0e442"),
)


def drop_doubtful(frame: pd.DataFrame, rules: Sequence[Rule], *, num_classes: int, thresholds: Thresholds) -> None:
    """Drop of each class the share of its images whose labels are least likely, down to the class floor.

    What a person decided stays, and counts as certain. Where label issues are withheld nothing goes: the probabilities
    say nothing there.

    Args:
        frame: decisions, which are changed in place.
        rules: in force; without the one above nothing happens.
        num_classes: K.
        thresholds: `doubtful_share` in [0, 1), `class_floor`, and those of label issues.
    """
    off = DOUBTFUL_LABEL not in rules or not DOUBTFUL_LABEL.is_on(thresholds)
    if off or LABEL_ISSUE.why_withheld(frame, thresholds):
        return
    doubt = 1 - final_label_probability(frame)
    decided = (frame["decided_by"] != "rule").to_numpy()
    label = frame["final_label"].to_numpy()
    for own in range(num_classes):
        rows = np.flatnonzero(label == own)
        most = max(0, min(int(thresholds["doubtful_share"] * len(rows) + 1e-9), len(rows) - thresholds["class_floor"]))
        rows = rows[~decided[rows]]
        rows = rows[np.lexsort((frame["image_id"].to_numpy()[rows], -doubt[rows]))][:most]
        frame.loc[rows, "action"] = "drop"
        frame.loc[rows, "rule"] = DOUBTFUL_LABEL.name
        frame.loc[rows, "final_label"] = -1
