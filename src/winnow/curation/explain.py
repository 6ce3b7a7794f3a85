"""What the ledger knows of one image, for people."""

import difflib
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow.errors import WinnowError

_ACTIONS = {"keep": "kept", "relabel": "relabelled", "drop": "dropped"}
_TOLD_FIRST = (
    *("image_id", "action", "reason", "rule", "threshold", "decided_by", "label", "final_label", "split"),
    *("counterpart", "file_name", "width", "height", "repairs", "bytes_sha256"),
)
# In the order in which they are shown; columns that are not named here follow, without a word of explanation.
MEANINGS = {
    "label_quality_score": "probability of the given label; 0 to 1, lower is worse",
    "is_label_issue": "at the cut of the highest expected F1",
    "suggested_label": "by the cross-validated probabilities",
    "suggested_confidence": "in the suggested label; 0 to 1",
    "agreeing_sources": "that suggest the same label",
    "sources": "there were",
    "knn_label_agreement": "share of neighbours with the given label",
    "zero_shot_label_agreement": "probability of the given label by its name",
    "signals_agree": "all sources see the given label",
    "ood_score": "probability of being none of the classes; 0 to 1",
    "ood_detectors": "that find the image odd",
    "is_ood": "at 0.5, and two detectors agree",
    "knn_distance": "to the trusted neighbours",
    "mahalanobis_distance": "to the nearest class",
    "class_uncertainty": "nats; higher is more out of distribution",
    "in_class_probability": "of all classes together, by their names",
    "image_faults": "of the picture, by CleanVision",
    "duplicate_group": "number of its group",
    "exact_group": "number of its group of equal pixels",
    "duplicate_kind": "exact or near; empty if alone",
    "duplicate_of": "the group's keeper; empty if this is it",
    "duplicate_similarity": "cosine to the keeper",
    "same_bytes": "another image is the same file",
    "label_conflict": "labels differ within the group",
    "flagged_label_issue": "by the threshold, whichever rule won",
    "flagged_ood": "by the threshold, whichever rule won",
    "flagged_duplicate": "not the image chosen for its group",
    "leaks_validation": "a near duplicate of a validation image",
    "confirmed_by": "who confirmed it for the validation set",
}
_SCORE_OF_RULE = {"ood": "ood_score", "label_issue": "label_quality_score"}


def find_row(ledger: pd.DataFrame, image_id: str) -> pd.Series:
    """The ledger's row of an image; raises WinnowError, with ids that look alike, if there is none."""
    known = ledger["image_id"].astype(str)
    rows = np.flatnonzero(known == image_id)
    if len(rows):
        return ledger.iloc[int(rows[0])]
    close = known[known.str.contains(image_id, regex=False)].head(3).tolist() if image_id else []
    close = close or difflib.get_close_matches(image_id, known.tolist(), n=3)
    hint = f"did you mean {', '.join(close)}?" if close else "ids look like " + ", ".join(known.head(2)) + "."
    raise WinnowError(f"the ledger holds no image {image_id!r} (rejected.csv lists those not accepted); {hint}")


def print_story(row: pd.Series, *, class_names: list[str] | None, console: Console) -> None:
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
    names = [name for name in MEANINGS if name in row.index]
    names += [name for name in row.index if name not in MEANINGS and name not in _TOLD_FIRST]
    for name in names:
        value = _label(row[name], class_names) if name == "suggested_label" else _shown(row[name])
        meaning = MEANINGS.get(name, "")
        if name == _SCORE_OF_RULE.get(row["rule"]) and pd.notna(row["threshold"]):
            meaning = f"threshold {row['threshold']:g}; {meaning}"
        table.add_row(name, escape(value), meaning)
    console.print(table)


def _decider(row: pd.Series) -> str:
    if row["decided_by"] != "rule":
        return str(row["decided_by"])
    return "no rule applies" if row["rule"] == "keep" else f"the rule {row['rule']}"


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
