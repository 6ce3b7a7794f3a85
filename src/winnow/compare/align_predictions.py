"""The same images in two runs: their predictions side by side."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.errors import WinnowError

UNSEEN = "_unseen"
"""What the name of a test set ends with where the images that leaked are left out."""
SPLITS = ("test", f"test{UNSEEN}", "validation")


@dataclass(frozen=True)
class Pair:
    """Two runs on the images that both have, under the same label.

    Attributes:
        labels: (N,) integers, positions in `class_names`.
        class_names: the classes that occur, sorted.
        first, second: (S, N) and (T, N) bool: which seed got which image right.
        images: how many images of the split each run has; more than N where the splits differ.
    """

    labels: np.ndarray
    class_names: list[str]
    first: np.ndarray
    second: np.ndarray
    images: tuple[int, int]


def in_split(predictions: pd.DataFrame, split: str, name: str) -> pd.DataFrame:
    """The rows of a split, also of a test set by its name; `<set>_unseen` is the set less what leaked.

    Raises:
        WinnowError: if there are none; it names the splits that there are.
    """
    rows = predictions[predictions["split"] == split.removesuffix(UNSEEN)]
    if split.endswith(UNSEEN):
        rows = rows[rows["leaks"].astype(str) != "1"]
    if rows.empty:
        there = ", ".join(dict.fromkeys(predictions["split"]))
        raise WinnowError(f"{name} has no predictions on the {split} set; name one of those that it has: {there}.")
    return rows


def seed_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of predictions that hold a seed's predictions each."""
    return [column for column in rows.columns if column.startswith("seed-")]


def correct_by_seed(rows: pd.DataFrame) -> np.ndarray:
    """(S, N) bool: which seed predicted the label of which row."""
    correct: np.ndarray = rows[seed_columns(rows)].to_numpy() == rows[["label"]].to_numpy()
    return correct.T


def pair(first: pd.DataFrame, second: pd.DataFrame, *, names: tuple[str, str]) -> Pair:
    """Join the rows of a split of two runs by image and label.

    Images that only one run has are left out: a validation set is chosen anew where thresholds change. So are images
    that a person has relabelled between the runs.

    Raises:
        WinnowError: if they have no image in common.
    """
    keys = ["image_id", "label"]
    both = first[keys].merge(second[keys]).sort_values("image_id", ignore_index=True)
    if both.empty:
        raise WinnowError(f"{names[0]} and {names[1]} have no image of this split in common; compare another split.")
    first_rows, second_rows = (both.merge(rows, on=keys, how="left") for rows in (first, second))
    class_names, labels = np.unique(both["label"].to_numpy(dtype=str), return_inverse=True)
    return Pair(
        labels=labels,
        class_names=class_names.tolist(),
        first=correct_by_seed(first_rows),
        second=correct_by_seed(second_rows),
        images=(len(first), len(second)),
    )
