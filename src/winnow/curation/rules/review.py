"""What a person decided beats every rule."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules.rule import Context, Decision, Outcome, Rule, Thresholds


def _decides(frame: pd.DataFrame, thresholds: Thresholds) -> Decision:
    action = frame["review_action"].to_numpy()
    return Decision(
        action=action,
        final_label=np.select(
            [action == "keep", action == "relabel"],
            [frame["label"], frame["review_label"].fillna(-1).astype(np.int64)],
            default=-1,
        ),
        decided_by=frame["reviewer"].to_numpy(),
    )


def _explains(row: Any, context: Context) -> str:
    verb = {"keep": "kept", "drop": "dropped", "relabel": "relabelled"}[row.action]
    if row.action == "relabel":
        verb += f" from {context.class_names[row.label]} to {context.class_names[row.final_label]}"
    return f"{verb} by {row.decided_by}" + (f": {row.review_reason}" if row.review_reason else "")


REVIEW = Rule(
    name="review",
    words="review",
    meaning="people decided",
    applies=lambda frame, thresholds: frame["review_action"].notna(),
    decides=_decides,
    explains=_explains,
    finding=None,
    unfit=False,
    outcome=Outcome("person", "dropped: by a person", light="#5b4fa8", dark="#a79cf0"),
)
