"""The review files: what people decided about images, and which they confirmed for the validation set."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.review_csv import images_of, read_sheet
from winnow.errors import WinnowError

ACTIONS = ("keep", "relabel", "drop")
VERDICTS = ("confirm", "reject")
DECISIONS_FILE, CONFIRMATIONS_FILE = "decisions.csv", "validation.csv"
COLUMNS = ("image_id", "action", "label", "reviewer")
CONFIRMATION_COLUMNS = ("image_id", "label", "verdict", "reviewer")


@dataclass(frozen=True)
class Review:
    """What people decided.

    Attributes:
        rows: a row per image that was decided on.
        warnings: a sentence where rows of the file match no single image of the dataset; they have no effect.
    """

    rows: pd.DataFrame
    warnings: tuple[str, ...] = ()


def read_review(path: str | Path, *, images: Mapping[str, str], class_names: list[str]) -> Review:
    """Read and check `decisions.csv`; an absent file is an empty review.

    Args:
        path: CSV with the columns `image_id,action,label,reviewer` and, if wanted, `bytes_sha256` and `reason`.
        images: the sha256 of the bytes of each image of the dataset, by `image_id`. A row with another digest, or of
            an image that is not there, goes to the one image of that digest, or to none.
        class_names: K names; `label` is one of them or an integer in [0, K).

    Returns:
        Rows with `image_id`, `action`, `label` (int64, -1 unless relabelled), `reviewer`, `reason`.

    Raises:
        WinnowError: for a file that is no such CSV, an unknown action or label, an image decided twice, or no reviewer;
            the message names the line.
    """
    return _read(path, COLUMNS, "action", images, lambda row, place: _decision(row, place, class_names))


def no_review() -> pd.DataFrame:
    """The rows of a review in which nobody decided anything."""
    return _frame([], "action")


def _frame(rows: list[dict[str, Any]], verdict: str) -> pd.DataFrame:
    columns = ["image_id", verdict, "label", "reviewer", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"label": np.int64})


def read_confirmations(path: str | Path, *, images: Mapping[str, str], class_names: list[str]) -> Review:
    """Read and check `validation.csv`: candidates for the validation set that people looked at.

    Args:
        path: CSV with the columns `image_id,label,verdict,reviewer` and, if wanted, `bytes_sha256` and `reason`; may be
            absent.
        images: the sha256 of the bytes of each image of the dataset and each external photo, by `image_id`.
        class_names: K names; `label` is one of them or an integer in [0, K).

    Returns:
        Rows with `image_id`, `verdict` (`confirm` or `reject`), `label` (int64: what a confirmed image shows; -1 where
        a rejected one names none), `reviewer`, `reason`.

    Raises:
        WinnowError: as `read_review` does.
    """
    return _read(
        path, CONFIRMATION_COLUMNS, "verdict", images, lambda row, place: _confirmation(row, place, class_names)
    )


def trusted_labels(folder: str | Path, manifest: pd.DataFrame, *, class_names: list[str]) -> tuple[pd.Series, set[str]]:
    """What both review files say of which images' labels can be trusted; either file may be absent.

    Args:
        folder: of the review files.
        manifest: `image_id`, `label` and `bytes_sha256` of the dataset's images.
        class_names: K names.

    Returns:
        By id, the labels of the images that `validation.csv` confirms; and the ids of those that it rejects, or that
        `decisions.csv` drops or gives another label than the given or the confirmed one: that verdict stands.
    """
    of_images = digests(manifest)
    answers = read_confirmations(Path(folder) / CONFIRMATIONS_FILE, images=of_images, class_names=class_names).rows
    decided = read_review(Path(folder) / DECISIONS_FILE, images=of_images, class_names=class_names).rows
    given = manifest.set_index("image_id")["label"]
    confirmed = answers[answers["verdict"] == "confirm"].set_index("image_id")["label"]
    final = decided.set_index("image_id")["label"]  # -1 unless relabelled
    kept = decided["image_id"][decided["action"] == "keep"]
    final[kept] = given[kept]
    trusted = confirmed.reindex(final.index).fillna(given.reindex(final.index))
    rejected = {*answers["image_id"][answers["verdict"] == "reject"], *final.index[final != trusted]}
    return confirmed[~confirmed.index.isin(rejected)], rejected


def digests(*frames: pd.DataFrame) -> dict[str, str]:
    """The sha256 of each image's bytes as they came, by its id, from tables with `image_id` and `bytes_sha256`."""
    return {
        image_id: digest
        for frame in frames
        for image_id, digest in zip(frame["image_id"], frame["bytes_sha256"], strict=True)
    }


def seen_by_people(folder: str | Path, *, images: Mapping[str, str]) -> set[str]:
    """Ids of the images that people looked at and let stand, by both review files in `folder`; either may be absent.

    Args:
        folder: of the review files.
        images: the sha256 of the bytes of each image of the dataset, by `image_id`; others count by their name.
    """
    seen: set[str] = set()
    for name, columns, column, verdicts in (
        (DECISIONS_FILE, COLUMNS, "action", ("keep", "relabel")),
        (CONFIRMATIONS_FILE, CONFIRMATION_COLUMNS, "verdict", ("confirm",)),
    ):
        rows = read_sheet(Path(folder) / name, columns).rows
        for row, image_id in zip(rows, images_of(rows, images), strict=True):
            if row[column].lower() in verdicts and (image_id or row["image_id"] not in images):
                seen.add(image_id or row["image_id"])
    return seen


def _read(
    path: str | Path,
    columns: tuple[str, ...],
    verdict: str,
    images: Mapping[str, str],
    check: Callable[[dict[str, str], str], dict[str, Any]],
) -> Review:
    path = Path(path)
    sheet = read_sheet(path, columns)
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    unplaced: list[str] = []
    for cells, line, image_id in zip(sheet.rows, sheet.lines, images_of(sheet.rows, images), strict=True):
        if image_id is None:
            unplaced.append(f"{cells['image_id']} (line {line})")
            continue
        place = f"{path}, line {line}"
        if image_id in seen:
            raise WinnowError(
                f"{place}: {image_id!r} was decided before, at line {seen[image_id]}; keep one of the two lines."
            )
        seen[image_id] = line
        rows.append(check(cells, place) | {"image_id": image_id})
    return Review(_frame(rows, verdict), unplaced_rows(path, unplaced, len(sheet.rows)))


def unplaced_rows(path: Path, unplaced: list[str], total: int) -> tuple[str, ...]:
    """The warning, or none, on rows of a review file, named one by one, that are about no image."""
    if not unplaced:
        return ()
    some = ", ".join(unplaced[:3]) + (f" and {len(unplaced) - 3} more" if len(unplaced) > 3 else "")
    return (
        f"{len(unplaced)} of {total} rows of {path} match no single image of the dataset and have no effect: {some}.",
    )


def _decision(cells: dict[str, str], place: str, class_names: list[str]) -> dict[str, Any]:
    row = _verdict(cells, place, column="action", allowed=ACTIONS)
    relabels = row["action"] == "relabel"
    if cells["label"] and not relabels:
        raise WinnowError(f"{place}: a label stands beside the action {row['action']!r}; only 'relabel' takes one.")
    return row | {"label": _label(cells["label"], place, class_names) if relabels else -1}


def _confirmation(cells: dict[str, str], place: str, class_names: list[str]) -> dict[str, Any]:
    row = _verdict(cells, place, column="verdict", allowed=VERDICTS)
    named = row["verdict"] == "confirm" or cells["label"]
    return row | {"label": _label(cells["label"], place, class_names) if named else -1}


def _verdict(cells: dict[str, str], place: str, *, column: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    """What the rows of both files have in common, checked; `column` holds the verdict."""
    verdict = cells[column].lower()
    if verdict not in allowed:
        raise WinnowError(f"{place}: the {column} is {verdict!r}; it must be one of {', '.join(allowed)}.")
    if not cells["reviewer"]:
        raise WinnowError(f"{place}: 'reviewer' is empty; say who decided.")
    if cells["reviewer"].lower() == "rule":
        raise WinnowError(f"{place}: the reviewer 'rule' stands for the pipeline's own rules; take another name.")
    return {
        column: verdict,
        "reviewer": cells["reviewer"],
        "reason": cells.get("reason", ""),
    }


def _label(text: str, place: str, class_names: list[str]) -> int:
    composed = [unicodedata.normalize("NFC", name) for name in class_names]  # macOS writes an umlaut as two letters
    if (name := unicodedata.normalize("NFC", text)) in composed:
        return composed.index(name)
    if text.isdecimal() and int(text) < len(class_names):
        return int(text)
    allowed = f"one of {', '.join(class_names)}, or a number below {len(class_names)}"
    raise WinnowError(f"{place}: the label is {text!r}; it must be {allowed}.")
