"""What people found of the labels of two test sets, row by row."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.errors import WinnowError

TEST_SETS = ("a", "b")


@dataclass(frozen=True)
class Checked:
    """What people found of the labels of a set of N rows.

    Attributes:
        labels: (N,) int64: corrected where people did so, as given elsewhere.
        seen: (N,) bool: rows that people judged.
        wrong: (N,) bool: of these, rows whose label as given is wrong.
        removed: (N,) bool: of these, rows of no class; their label is as given.
        reviewer: (N,) str, "" where nobody judged.
    """

    labels: np.ndarray
    seen: np.ndarray
    wrong: np.ndarray
    removed: np.ndarray
    reviewer: np.ndarray

    def counts(self) -> dict[str, int]:
        """How many labels people judged, and found right or wrong; and how many of the wrong are of no class."""
        return {
            "judged": int(self.seen.sum()),
            "right": int((self.seen & ~self.wrong).sum()),
            "wrong": int(self.wrong.sum()),
            "of_no_class": int(self.removed.sum()),
        }


def row_names(rows: pd.DataFrame, count: int) -> list[str]:
    """The names of a set's `count` rows; by their place where `rows` has none, as for predictions alone."""
    return list(rows["row"]) if len(rows) else [f"row_{place:08d}" for place in range(count)]


def are_images(rows: pd.DataFrame) -> bool:
    """Whether the rows of a set have pictures, and names of their own."""
    return bool((rows["name"] != "").any())


def row_id(which: str, name: str) -> str:
    """How the review app and its files call a row of set `a` or `b`."""
    return f"{which}:{name}"


def row_digests(
    rows: Mapping[str, pd.DataFrame], features: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]
) -> dict[str, str]:
    """By the id of each row of `a` and `b`, what tells that it is still the same row.

    Images go by their names; a row of a table has none but its place, and so goes by the sha256 of its features.
    """
    found: dict[str, str] = {}
    for which in TEST_SETS:
        names = row_names(rows[which], len(labels[which]))
        by_place = len(features[which]) == len(names) and not are_images(rows[which])
        for place, name in enumerate(names):
            content = np.ascontiguousarray(features[which][place]).tobytes() if by_place else b""
            found[row_id(which, name)] = hashlib.sha256(content).hexdigest() if by_place else ""
    return found


def checked_rows(verdicts: pd.DataFrame, which: str, names: list[str], labels: np.ndarray) -> Checked | None:
    """What people found of one set; None where they judged none of it.

    Args:
        verdicts: with `image_id` (of `row_id`, each once), `action` (`keep`: the label is right, `relabel`: it is
            `label`, `drop`: the row is of no class), `label` and `reviewer`. Rows of other sets are passed over.
        which: `a` or `b`.
        names: of the set's N rows.
        labels: (N,) int64 as given.

    Raises:
        WinnowError: if no row is left.
    """
    places = {row_id(which, name): place for place, name in enumerate(names)}
    mine = verdicts[verdicts["image_id"].isin(places.keys())]
    if mine.empty:
        return None
    at = mine["image_id"].map(places).to_numpy(dtype=np.int64)
    right, seen, removed = labels.copy(), np.zeros(len(labels), bool), np.zeros(len(labels), bool)
    seen[at], removed[at] = True, (mine["action"] == "drop").to_numpy()
    if removed.all():
        raise WinnowError(
            f"every row of set {which.upper()} was judged to be of no class; keep some in data/review/decisions.csv."
        )
    corrected = (mine["action"] == "relabel").to_numpy()
    right[at[corrected]] = mine["label"].to_numpy()[corrected]
    reviewer = np.full(len(labels), "", dtype=object)
    reviewer[at] = mine["reviewer"].to_numpy()
    return Checked(right, seen, removed | (right != labels), removed, reviewer)
