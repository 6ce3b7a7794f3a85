"""A class never falls under its floor by rule: the least suspicious of its images come back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules.rule import Context, Rule, Threshold
from winnow.detect.signals import Score


def _explains(row: Any, context: Context) -> str:
    return (
        f"brought back with its label {context.class_names[row.label]}: the class would fall under "
        f"{context.thresholds['class_floor']} images "
        f"(label quality {row.label_quality_score:.2f}, out-of-distribution score {row.ood_score:.2f})"
    )


CLASS_FLOOR = Rule(
    name="class_floor",
    words="class floor",
    meaning="taken back, or the class would have too few images",
    thresholds=(Threshold("class_floor", "Class floor", span=lambda: (0, 1000)),),
    explains=_explains,
)


def hold_floor(frame: pd.DataFrame, rules: Sequence[Rule], *, num_classes: int, floor: int) -> None:
    """Bring back, class by class, the least suspicious images that a rule took, until the floor is met.

    Rules give back by their turns: first the images that each dropped, then those that it relabelled to a class that
    can spare them. What may not be restored, and what a person decided, stays as it is. A class that never had as many
    images is left under the floor.

    Args:
        frame: decisions, which are changed in place.
        rules: that took the images.
        num_classes: K.
        floor: least images of a class.
    """
    label, final = frame["label"].to_numpy(), frame["final_label"].to_numpy()
    if (np.bincount(final[final >= 0], minlength=num_classes) >= floor).all():
        return
    restoring = sorted((rule.restoring.turn, rule.name, rule.restoring.best_first) for rule in rules if rule.restoring)
    ranked = [
        row
        for _, name, score in restoring
        for action in ("drop", "relabel")
        for row in _best_first(frame, (frame["rule"] == name) & (frame["action"] == action), score)
    ]
    least = np.bincount(label, minlength=num_classes).clip(1, floor)
    rows = brought_back(label, final, np.array(ranked, np.int64), reach=np.full(num_classes, floor), least=least)
    frame.loc[rows, "action"] = "keep"
    frame.loc[rows, "rule"] = CLASS_FLOOR.name
    frame.loc[rows, "final_label"] = label[rows]


def brought_back(
    label: np.ndarray, final_label: np.ndarray, ranked: np.ndarray, *, reach: np.ndarray, least: np.ndarray
) -> np.ndarray:
    """Rows that get their own labels back, class by class, the first of `ranked` first.

    Args:
        label: (N,) integers in [0, K), as given.
        final_label: (N,) integers in [0, K), or -1 for a dropped image.
        ranked: (M,) rows whose final label is not their own, the worthiest first.
        reach: (K,) images up to which a class is filled.
        least: (K,) images with which a class gives no relabelled one back.
    """
    final = final_label.copy()
    count = np.bincount(final[final >= 0], minlength=len(reach))
    back = []
    for row in ranked[np.argsort(label[ranked], kind="stable")]:
        own, donor = label[row], final[row]
        if count[own] >= reach[own] or (donor >= 0 and count[donor] <= least[donor]):
            continue
        if donor >= 0:
            count[donor] -= 1
        count[own] += 1
        final[row] = own
        back.append(row)
    return np.array(back, dtype=np.int64)


def _best_first(frame: pd.DataFrame, rows: pd.Series, score: Score) -> list[int]:
    order = frame[rows].sort_values([score.name, "image_id"], ascending=[not score.lower_is_worse, True])
    return order.index.tolist()
