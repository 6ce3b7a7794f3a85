"""The study's table: what each part of the cleaning adds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from winnow.compare.align_predictions import correct_by_seed
from winnow.compare.comparison import compare, percent, points
from winnow.compare.seed_spread import image_weights
from winnow.experiments.plan import AblationFile

_HEAD = ["row", "seeds", "balanced accuracy", "measured against", "step", "in all"]


def study_rows(study: AblationFile, predictions: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """A row per row of the study that has predictions.

    Args:
        study: as `read_ablation` returns it.
        predictions: by row's name, its rows of one split, as `align_predictions.in_split` returns them.

    Returns:
        Of each: `name`, `label`, `over`, `balanced_accuracy` (mean over seeds), `seeds`, `images`; `step`, against the
        row `over`, and `total`, against the first row: `value`, `low`, `high`, `verdict`, or None where that row is
        missing. Each interval is of 95 %, not all of them together.
    """
    first = study.rows[0].name
    rows = []
    for row in study.rows:
        if row.name not in predictions:
            continue
        own = predictions[row.name]
        correct = correct_by_seed(own)
        rows.append(
            {
                "name": row.name,
                "label": row.label,
                "over": row.over,
                "balanced_accuracy": float(
                    correct.mean(axis=0) @ image_weights(np.asarray(own["label"].to_numpy(dtype=str)))
                ),
                "seeds": len(correct),
                "images": len(own),
                "step": _against(row.over, row.name, predictions),
                "total": _against(first, row.name, predictions),
            }
        )
    return rows


def _against(over: str | None, name: str, predictions: Mapping[str, pd.DataFrame]) -> dict[str, Any] | None:
    if over is None or over == name or over not in predictions:
        return None
    like = [rows for other, rows in predictions.items() if other not in (over, name)]
    found = compare(predictions[over], [predictions[name]], names=[over, name], like=like)[0].difference
    return {"value": found.value, "low": found.low, "high": found.high, "verdict": found.verdict}


def study_rich(rows: list[dict[str, Any]]) -> Table:
    """The table for the terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in _HEAD:
        table.add_column(name, justify="left" if name in ("row", "measured against") else "right", overflow="fold")
    for cells in _cells(rows):
        table.add_row(*map(Text, cells))
    return table


def study_markdown(rows: list[dict[str, Any]]) -> str:
    """The table for a file."""
    lines = ["| " + " | ".join(_HEAD) + " |", "| --- | ---: | ---: | --- | ---: | ---: |"]
    return "\n".join([*lines, *("| " + " | ".join(cells) + " |" for cells in _cells(rows))]) + "\n"


def _cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    labels = {row["name"]: row["label"] for row in rows}
    return [
        [
            row["label"],
            str(row["seeds"]),
            percent(row["balanced_accuracy"]),
            labels.get(row["over"], "") if row["step"] else "",
            _interval(row["step"]),
            _interval(row["total"]),
        ]
        for row in rows
    ]


def _interval(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    sign = {"better": "", "worse": "", "cannot tell": " (cannot tell)"}[found["verdict"]]
    return f"{points(found['value'])} [{points(found['low'])}, {points(found['high'])}]{sign}"
