"""Why an image was kept, relabelled or dropped: all that the ledger knows of it, for people."""

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow import schema
from winnow.curation.rules import KEEP, RULES
from winnow.detect.labels import LABEL_QUALITY, SUGGESTED_CONFIDENCE
from winnow.detect.outliers import DETECTORS, OOD_SCORE
from winnow.errors import WinnowError
from winnow.files import DUPLICATES, IMAGE_FAULTS, LABEL_ISSUES, LEDGER, OOD_SCORES

_ACTIONS = {"keep": "kept", "relabel": "relabelled", "drop": "dropped"}
_SHOWN_FIRST = (
    *("image_id", "action", "reason", "rule", "threshold", "decided_by", "label", "final_label", "split", "tags"),
    *("counterpart", "file_name", "width", "height", "repairs", "bytes_sha256"),
)
# Label issues first: they are what most people ask about.
_ORDER = schema.Table(tuple(dict.fromkeys((*LABEL_ISSUES, *OOD_SCORES, *IMAGE_FAULTS, *DUPLICATES, *LEDGER))))


def meaning(column: str) -> str:
    """A few words on a column of the ledger; "" where nothing is known of it."""
    scores = (LABEL_QUALITY, SUGGESTED_CONFIDENCE, OOD_SCORE, *(detector.score for detector in DETECTORS))
    described = {score.name: score.described for score in scores}
    known = _ORDER.column(column)
    return described.get(column) or (known.meaning if known else "")


def find_row(ledger: pd.DataFrame, image_id: str) -> pd.Series:
    """The ledger's row of an image, by its id, its path in the archive, or a file name that no other image has.

    Raises:
        WinnowError: if there is none; the message has ids that look alike.
    """
    known = ledger["image_id"].astype(str)
    by_path = "file_name" not in ledger  # the pipeline filter names its images so
    files = known if by_path else ledger["file_name"].astype(str)
    for matching in (known == image_id, files == image_id, files.str.rpartition("/")[2] == image_id):
        if len(rows := np.flatnonzero(matching)) == 1:
            return ledger.iloc[int(rows[0])]
    close = known[known.str.contains(image_id, regex=False)].head(3).tolist() if image_id else []
    close = close or difflib.get_close_matches(image_id, known.tolist(), n=3)
    lists = "problems.csv" if by_path else "rejected.csv"
    hint = f"did you mean {', '.join(close)}?" if close else "ids look like " + ", ".join(known.head(2)) + "."
    raise WinnowError(f"the ledger holds no image {image_id!r} ({lists} lists those not accepted); {hint}")


def print_explanation(row: pd.Series, *, class_names: list[str] | None, console: Console) -> None:
    """Print the decision in words, then every score.

    Args:
        row: of the ledger.
        class_names: K names, or None to show labels as numbers.
        console: where to print.
    """
    console.print(f"[bold]{escape(str(row['image_id']))}[/]: {_ACTIONS.get(row['action'], row['action'])}")
    console.print(escape(str(row["reason"]).removesuffix(".") + "."), highlight=False)
    facts = {
        "decided by": _decider(row),
        "given label": _label(row["label"], class_names),
        "final label": _label(row["final_label"], class_names),
        "split": row.get("split"),
        "tags": row.get("tags"),
        "counterpart": row["counterpart"],
        "file": row.get("file_name"),
        "size": f"{row['width']} x {row['height']}" if {"width", "height"} <= set(row.index) else None,
        "repairs": row.get("repairs"),
        "sha256": row.get("bytes_sha256"),
    }
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None and value != "":
            grid.add_row(name, escape(str(value)))
    console.print()
    console.print(grid)

    table = Table("score", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    table.add_column("value", overflow="fold")
    table.add_column("meaning")
    cuts = {rule.name: rule.cuts[0].score.name for rule in RULES if rule.cuts}
    for name in _ordered(row.index):
        value = _label(row[name], class_names) if name == "suggested_label" else _shown(row[name])
        words = meaning(name)
        if name == cuts.get(row["rule"]) and pd.notna(row["threshold"]):
            words = f"threshold {row['threshold']:g}; {words}"
        table.add_row(name, escape(value), words)
    console.print(table)


def _ordered(columns: Iterable[str]) -> list[str]:
    """The columns that are no facts of the decision, those that nothing is known of last."""
    order = {column: place for place, column in enumerate(_ORDER.columns)}

    def place(name: str) -> int:
        known = _ORDER.column(name)
        return len(order) if known is None else order[known]

    return sorted((name for name in columns if name not in _SHOWN_FIRST), key=place)


def _decider(row: pd.Series) -> str:
    if row["decided_by"] != "rule":
        return str(row["decided_by"])
    return KEEP.meaning if row["rule"] == KEEP.name else f"the rule {row['rule']}"


def _label(label: int, class_names: list[str] | None) -> str:
    if label < 0:
        return "none"
    if class_names is None or label >= len(class_names):
        return str(label)
    return f"{label} ({class_names[label]})"


def _shown(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "-" if np.isnan(value) else f"{value:.4g}"
    return str(value)
