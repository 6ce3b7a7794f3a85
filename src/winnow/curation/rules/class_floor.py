"""A class never falls under its floor by rule: the least suspicious of its images come back."""

from collections.abc import Sequence
from typing import Any

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
    restoring = sorted((rule.restoring.turn, rule.name, rule.restoring.best_first) for rule in rules if rule.restoring)
    for label in range(num_classes):
        lacking = floor - int((frame["final_label"] == label).sum())
        if lacking <= 0:
            continue
        own = frame["label"] == label
        rows = []
        spare = _spare(frame, floor)
        for _, name, score in restoring:
            taken = own & (frame["rule"] == name)
            rows += _best_first(frame, taken & (frame["action"] == "drop"), score)
            rows += _spared(frame, taken & (frame["action"] == "relabel"), score, spare)
        rows = rows[:lacking]
        frame.loc[rows, "action"] = "keep"
        frame.loc[rows, "rule"] = CLASS_FLOOR.name
        frame.loc[rows, "final_label"] = label


def _best_first(frame: pd.DataFrame, rows: pd.Series, score: Score) -> list[int]:
    order = frame[rows].sort_values([score.name, "image_id"], ascending=[not score.lower_is_worse, True])
    return order.index.tolist()


def _spare(frame: pd.DataFrame, floor: int) -> pd.Series:
    """By class, how many images it can give up: those above the floor, or above what it was given with if that is
    less."""
    final, given = (frame[column].value_counts() for column in ("final_label", "label"))
    spare: pd.Series = final - given.reindex(final.index, fill_value=0).clip(1, floor)
    return spare


def _spared(frame: pd.DataFrame, rows: pd.Series, score: Score, spare: pd.Series) -> list[int]:
    """Relabelled images of a class, best first, each only while its new class can spare it; counts `spare` down."""
    spared = []
    for row in _best_first(frame, rows, score):
        donor = int(frame["final_label"].loc[row])
        if spare[donor] > 0:
            spare[donor] -= 1
            spared.append(row)
    return spared
