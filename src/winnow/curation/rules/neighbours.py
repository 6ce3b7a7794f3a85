"""What the nearest neighbours alone say of a label: off unless `curate.neighbour_rules` is true.

The ensemble of label issues has these neighbours among its sources; the rules are for features that an encoder learned
from the dataset itself, where a unanimous neighbourhood says more than its vote.
"""

from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules.label_issue import LABEL_ISSUE
from winnow.curation.rules.rule import Context, Decision, Outcome, Restoring, Rule, Threshold, Thresholds
from winnow.detect.labels import LABEL_QUALITY
from winnow.detect.labels.neighbour_rule import IN_CLUSTER, outside_its_class, with_another_label

_ON = Threshold("neighbour_rules", "Rules on neighbours")


def _unknown(frame: pd.DataFrame, thresholds: Thresholds) -> bool:
    """Where label issues are withheld, the features say nothing of classes, and so neither do neighbours; a ledger of
    earlier versions has none."""
    return "neighbour_label" not in frame or bool(LABEL_ISSUE.why_withheld(frame, thresholds))


def _agreed(frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
    if _unknown(frame, thresholds):
        return np.zeros(len(frame), dtype=bool)
    return with_another_label(frame, frame["label"].to_numpy(), share=thresholds["neighbour_relabel"])


def _outside(frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
    if _unknown(frame, thresholds):
        return np.zeros(len(frame), dtype=bool)
    return outside_its_class(
        frame,
        frame["label"].to_numpy(),
        distance=thresholds["neighbour_drop_distance"],
        another_cluster=thresholds["neighbour_drop_cluster"],
    )


def _relabels(frame: pd.DataFrame, thresholds: Thresholds) -> Decision:
    return Decision(action="relabel", final_label=frame["neighbour_label"].to_numpy())


def _explains_relabel(row: Any, context: Context) -> str:
    near = context.class_names[row.neighbour_label]
    return (
        f"{row.neighbour_agreement:.0%} of its nearest neighbours are {near} "
        f"(needed: {context.thresholds['neighbour_relabel']:.0%}); relabelled from {context.class_names[row.label]}"
    )


def _explains_drop(row: Any, context: Context) -> str:
    own, near = context.class_names[row.label], context.class_names[row.neighbour_label]
    if np.isinf(row.neighbour_distance):
        return f"no other image is {own}, and most of its neighbours are {near}"
    far = f"{row.neighbour_distance:.1f} times as far from the nearest {own} as is usual"
    allowed = context.thresholds["neighbour_drop_distance"]
    if row.neighbour_distance > allowed:
        return f"{far} (allowed: {allowed:g}), and most of its neighbours are {near}"
    return (
        f"{row.neighbour_agreement:.0%} of its nearest neighbours are {near}, so that it lies in their cluster "
        f"(allowed: less than {IN_CLUSTER:.0%}); {far}"
    )


NEIGHBOUR_RELABEL = Rule(
    name="neighbour_relabel",
    words="neighbours of another label",
    meaning="the nearest neighbours have one other label",
    thresholds=(_ON, Threshold("neighbour_relabel", "Neighbours that relabel")),
    applies=_agreed,
    switch=_ON.name,
    decides=_relabels,
    explains=_explains_relabel,
    unfit=False,
    only_relabels=True,
    restoring=Restoring(turn=0, best_first=LABEL_QUALITY),
)
NEIGHBOUR_DROP = Rule(
    name="neighbour_drop",
    words="far from its class",
    meaning="far from the images of its label, or in the cluster of another",
    thresholds=(
        _ON,
        Threshold("neighbour_drop_distance", "Distance from its class", span=lambda: (0, 10)),
        Threshold("neighbour_drop_cluster", "Another cluster drops"),
    ),
    applies=_outside,
    switch=_ON.name,
    explains=_explains_drop,
    restoring=Restoring(turn=0, best_first=LABEL_QUALITY),
    outcome=Outcome("neighbour_drop", "dropped: far from its class", light="#56b4e9", dark="#8ccdf2"),
)
