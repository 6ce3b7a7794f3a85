"""Both test sets side by side: where the drop goes, and the classes that it hits most."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.compare.proportion import share_interval
from winnow.review.two_sets import TwoSets
from winnow.shift.checked import TEST_SETS
from winnow.shift.waterfall import WORDS

_CLASSES = 12
_WRONG = 12  # rows shown of a class and set
_NEAR = 3


def side_by_side(dataset: TwoSets) -> dict[str, Any]:
    """What the page begins with.

    Returns:
        JSON values: `verdict`, `accuracy`, `drop` and `rows` as metrics/summary.json has them, `suspects` (labels to
        judge, by set), `parts` (`words` and the estimate of each), `classes` (the `_CLASSES` with the largest parts of
        the drop, each with `rows`, `recall` and the rows answered wrong, by set), `more` (how many classes are left
        out), and `near`: where rows are no images, of each row that `classes` name the nearest rows and their cosines.
    """
    ledger, summary = dataset.ledger, dataset.summary
    classes = dataset.classes.assign(
        label=np.arange(len(dataset.classes)), drop=dataset.classes["recall_a"] - dataset.classes["recall_b"]
    )
    worst = classes.sort_values(["part", "drop", "label"], ascending=[False, False, True], na_position="last")
    shown = [_class(row, ledger) for row in worst.head(_CLASSES).to_dict("records")]
    named = [row for one in shown for which in TEST_SETS for row in one["wrong"][which]["rows"]]
    return {
        **{name: summary[name] for name in ("verdict", "accuracy", "drop", "rows")},
        "suspects": {which: int(dataset.suspects[(ledger["set"] == which).to_numpy()].sum()) for which in TEST_SETS},
        "parts": [{**row, "words": WORDS[row["part"]]} for row in dataset.parts.to_dict("records")],
        "classes": shown,
        "more": max(0, len(classes) - _CLASSES),
        "near": {} if dataset.has_pictures else {row: dataset.neighbours(row)[:_NEAR] for row in named},
    }


def _class(row: dict[Any, Any], ledger: pd.DataFrame) -> dict[str, Any]:
    label = int(row["label"])
    members = (ledger["final_label"] == label) & (ledger["predicted"] != label)
    wrong = {which: np.flatnonzero(members & (ledger["set"] == which)) for which in TEST_SETS}
    known = np.isfinite(row["part"])
    return {
        "label": label,
        "rows": {which: int(row[f"rows_{which}"]) for which in TEST_SETS},
        "recall": {which: _recall(row[f"recall_{which}"], int(row[f"rows_{which}"])) for which in TEST_SETS},
        "part": {name: float(row[column]) for name, column in (("value", "part"), ("low", "low"), ("high", "high"))}
        if known
        else None,
        "sure": bool(row["sure"]),
        "withheld": row["withheld"],
        "taken_for": row["taken_for"],
        "wrong": {
            which: {"count": len(found), "rows": _evenly(found).tolist(), "all": found.tolist()}
            for which, found in wrong.items()
        },
    }


def _evenly(rows: np.ndarray) -> np.ndarray:
    return rows[np.linspace(0, max(len(rows) - 1, 0), min(len(rows), _WRONG), dtype=int)]


def _recall(value: float, rows: int) -> dict[str, float] | None:
    """With its 95 % interval (Wilson); None without rows."""
    if not rows:
        return None
    low, high = share_interval(value, rows)
    return {"value": float(value), "low": low, "high": high}
