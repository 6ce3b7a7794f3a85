"""Why an image was kept, relabelled or dropped: all that the ledger knows of it, for people."""

from collections.abc import Iterable, Set
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow import schema
from winnow.curation.rules import KEEP, RULES
from winnow.data.called import Names, find_called
from winnow.detect.labels import LABEL_QUALITY, SUGGESTED_CONFIDENCE
from winnow.detect.outliers import DETECTORS, OOD_SCORE
from winnow.files import DUPLICATES, IMAGE_FAULTS, LABEL_ISSUES, LEDGER, OOD_SCORES

_ACTIONS = {"keep": "kept", "relabel": "relabelled", "drop": "dropped"}
_SHOWN_FIRST = (
    *("image_id", "action", "reason", "rule", "threshold", "decided_by", "label", "final_label", "split", "tags"),
    *("counterpart", "file_name", "width", "height", "repairs", "bytes_sha256"),
)
_LABELS = ("suggested_label", "neighbour_label")
# Label issues first: they are what most people ask about.
_ORDER = schema.Table(tuple(dict.fromkeys((*LABEL_ISSUES, *OOD_SCORES, *IMAGE_FAULTS, *DUPLICATES, *LEDGER))))


def meaning(column: str) -> str:
    """A few words on a column of the ledger; "" where nothing is known of it."""
    scores = (LABEL_QUALITY, SUGGESTED_CONFIDENCE, OOD_SCORE, *(detector.score for detector in DETECTORS))
    described = {score.name: score.described for score in scores}
    known = _ORDER.column(column)
    return described.get(column) or (known.meaning if known else "")


def find_row(ledger: pd.DataFrame, image_id: str, rejected: pd.DataFrame | None = None) -> pd.Series:
    """The row of an image, by its id, its path in the archive, or a file name that no other image has.

    Args:
        ledger: a row per image.
        image_id: what it is called.
        rejected: a row per file that could not be used, of which the ledger has none; `rejected.csv` or the pipeline
            filter's `problems.csv`.

    Returns:
        Of the ledger; of `rejected`, a `file_name`, `reason` (a word) and `detail`.

    Raises:
        WinnowError: if there is none, or several have that file name; the message has these, or ids that look alike.
    """
    known = ledger["image_id"].astype(str)
    by_path = "file_name" not in ledger  # the pipeline filter names its images so
    files = known if by_path else ledger["file_name"].astype(str)
    others = _rejected_files(rejected, set(files))
    named = (files, known), (others["file_name"], others["image_id"])
    lists = "problems.csv" if by_path else "rejected.csv"
    table, row = find_called(
        image_id,
        [Names(paths.tolist(), others=(ids.tolist(),)) for paths, ids in named],
        known=known.tolist(),
        missing=f"the ledger holds no image {image_id!r} ({lists} lists those not accepted)",
        like="ids look like",
    )
    return (ledger, others)[table].iloc[row]


def _rejected_files(rejected: pd.DataFrame | None, accepted: Set[str]) -> pd.DataFrame:
    """`file_name` (of a label without a file its id), `image_id`, `reason` and `detail` of files that are not among
    those accepted, each file once."""
    columns = ["file_name", "image_id", "reason", "detail"]
    if rejected is None:
        return pd.DataFrame(columns=columns, dtype=str)
    if "kind" in rejected:  # of the pipeline filter, which uses images beside most faults of annotations
        rejected = rejected[rejected["kind"] == "unreadable-image"]
        rejected = rejected.rename(columns={"kind": "reason", "file": "file_name"})
        rejected = rejected.assign(image_id=rejected["file_name"])
    names = rejected["file_name"].where(rejected["file_name"] != "", rejected["image_id"])
    rejected = rejected.assign(file_name=names)[columns]
    return rejected[~names.isin(accepted)].drop_duplicates("file_name")


def print_rejected(row: pd.Series, *, console: Console) -> None:
    """Print why a file was not used; `row` as `find_row` gives it of such a one."""
    console.print(f"[bold]{escape(str(row['file_name']))}[/]: not used")
    console.print(escape(f"{row['reason']}: {str(row['detail']).removesuffix('.')}."), highlight=False)


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
        value = _label(row[name], class_names) if name in _LABELS else _shown(row[name])
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
