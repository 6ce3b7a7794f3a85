"""The review files: what people decided about images, and which they confirmed for the validation set."""

import csv
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.errors import WinnowError

ACTIONS = ("keep", "relabel", "drop")
VERDICTS = ("confirm", "reject")
DECISIONS_FILE, CONFIRMATIONS_FILE = "decisions.csv", "validation.csv"
COLUMNS = ("image_id", "action", "label", "reviewer")
CONFIRMATION_COLUMNS = ("image_id", "label", "verdict", "reviewer")


def read_review(path: str | Path, *, image_id: np.ndarray, class_names: list[str]) -> pd.DataFrame:
    """Read and check `decisions.csv`; an absent file is an empty review.

    Args:
        path: CSV with the columns `image_id,action,label,reviewer` and, if wanted, `reason`.
        image_id: (N,) ids that exist.
        class_names: K names; `label` is one of them or an integer in [0, K).

    Returns:
        Frame with `image_id`, `action`, `label` (int64, -1 unless relabelled), `reviewer`, `reason`.

    Raises:
        WinnowError: for a missing column, an unknown image, action or label, an image decided twice, or no reviewer;
            the message names the line.
    """
    known = set(image_id.tolist())
    rows = _read_rows(path, COLUMNS, lambda row, place: _decision(row, place, known, class_names))
    return _frame(rows)


def no_review() -> pd.DataFrame:
    """A review in which nobody decided anything, as `read_review` returns it."""
    return _frame([])


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["image_id", "action", "label", "reviewer", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"label": np.int64})


def read_confirmations(path: str | Path, *, image_id: Collection[str], class_names: list[str]) -> pd.DataFrame:
    """Read and check `validation.csv`: candidates for the validation set that people looked at.

    Args:
        path: CSV with the columns `image_id,label,verdict,reviewer` and, if wanted, `reason`; may be absent.
        image_id: ids that exist, of the dataset and of external photos.
        class_names: K names; `label` is one of them or an integer in [0, K).

    Returns:
        Frame with `image_id`, `label` (int64: what a confirmed image shows; -1 where a rejected one names none),
        `verdict` (`confirm` or `reject`), `reviewer`, `reason`.

    Raises:
        WinnowError: as `read_review` does.
    """
    known = set(image_id)
    rows = _read_rows(path, CONFIRMATION_COLUMNS, lambda row, place: _confirmation(row, place, known, class_names))
    columns = ["image_id", "label", "verdict", "reviewer", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"label": np.int64})


def seen_by_people(folder: str | Path) -> set[str]:
    """Ids of the images that people looked at and let stand, by both review files in `folder`; either may be absent."""
    seen: set[str] = set()
    for name, column, verdicts in (
        (DECISIONS_FILE, "action", ("keep", "relabel")),
        (CONFIRMATIONS_FILE, "verdict", ("confirm",)),
    ):
        rows = _read_rows(Path(folder) / name, ("image_id", column), lambda row, place: row)
        seen |= {row["image_id"] for row in rows if row[column].lower() in verdicts}
    return seen


def _read_rows(
    path: str | Path, columns: tuple[str, ...], check: Callable[[dict[str, str], str], dict[str, Any]]
) -> list[dict[str, Any]]:
    path = Path(path)
    rows: list[dict[str, Any]] = []
    if not path.exists():
        return rows
    seen: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [column for column in columns if column not in (reader.fieldnames or [])]
            if missing:
                raise WinnowError(
                    f"{path} has no column {missing[0]!r}; its first line must be '{','.join(columns)}' "
                    "(a column 'reason' may follow)."
                )
            for cells in reader:
                place = f"{path}, line {reader.line_num}"
                row = check(plain_cells(cells), place)
                if row["image_id"] in seen:
                    raise WinnowError(
                        f"{place}: {row['image_id']!r} was decided before, at line {seen[row['image_id']]}; "
                        "keep one of the two lines."
                    )
                seen[row["image_id"]] = reader.line_num
                rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise WinnowError(f"{path} cannot be read as CSV in UTF-8 ({error}); save it in that form.") from None
    return rows


def plain_cells(row: dict[str | None, Any]) -> dict[str, str]:
    """A row of csv.DictReader: absent cells empty, and what a bare comma parted from the last cell back in it."""
    cells = {key: (text or "").strip() for key, text in row.items() if key is not None}
    if row.get(None):
        cells[list(cells)[-1]] += "," + ",".join(row[None]).rstrip()
    return cells


def _decision(cells: dict[str, str], place: str, known: set[str], class_names: list[str]) -> dict[str, Any]:
    row = _verdict(cells, place, known, column="action", allowed=ACTIONS)
    relabels = row["action"] == "relabel"
    if cells["label"] and not relabels:
        raise WinnowError(f"{place}: a label stands beside the action {row['action']!r}; only 'relabel' takes one.")
    return row | {"label": _label(cells["label"], place, class_names) if relabels else -1}


def _confirmation(cells: dict[str, str], place: str, known: set[str], class_names: list[str]) -> dict[str, Any]:
    row = _verdict(cells, place, known, column="verdict", allowed=VERDICTS)
    named = row["verdict"] == "confirm" or cells["label"]
    return row | {"label": _label(cells["label"], place, class_names) if named else -1}


def _verdict(
    cells: dict[str, str], place: str, known: set[str], *, column: str, allowed: tuple[str, ...]
) -> dict[str, str]:
    """What the rows of both files have in common, checked; `column` holds the verdict."""
    verdict = cells[column].lower()
    if cells["image_id"] not in known:
        raise WinnowError(f"{place}: the dataset has no image {cells['image_id']!r}; mend the id or remove the line.")
    if verdict not in allowed:
        raise WinnowError(f"{place}: the {column} is {verdict!r}; it must be one of {', '.join(allowed)}.")
    if not cells["reviewer"]:
        raise WinnowError(f"{place}: 'reviewer' is empty; say who decided.")
    if cells["reviewer"].lower() == "rule":
        raise WinnowError(f"{place}: the reviewer 'rule' stands for the pipeline's own rules; take another name.")
    return {
        "image_id": cells["image_id"],
        column: verdict,
        "reviewer": cells["reviewer"],
        "reason": cells.get("reason", ""),
    }


def _label(text: str, place: str, class_names: list[str]) -> int:
    if text in class_names:
        return class_names.index(text)
    if text.isdecimal() and int(text) < len(class_names):
        return int(text)
    allowed = f"one of {', '.join(class_names)}, or a number below {len(class_names)}"
    raise WinnowError(f"{place}: the label is {text!r}; it must be {allowed}.")
