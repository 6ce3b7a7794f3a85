"""What both rules on duplicates share: which image of a group stays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules.rule import Context, Decision, Outcome, Target, Thresholds

FINDING = "duplicate"
KEEPER = "keeper"
OUTCOME = Outcome("duplicate", "dropped: duplicate", light="#e69f00", dark="#e69f00")
TARGET = Target("duplicate_of", "duplicates", words="duplicates (pairs)", faulty="copies")


def keepers(frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
    """(N,) position of the image that stays for each image's duplicate group (its own position if it is alone).

    The keeper is the image that a person kept, else one that no one dropped and no rule takes; of those the one with
    the best supported label or, if `duplicate_keeper` says so, with the most pixels or the least blurry; ties go to the
    best supported label, then to the smaller id. Where near duplicates are not to be dropped, only images with the same
    pixels are a group.

    Each of two rules asks twice of the frame that `decide` works on: the answer stays in its column `keeper`.
    """
    if KEEPER not in frame:
        frame[KEEPER] = _keepers(frame, thresholds)
    keeper: np.ndarray = frame[KEEPER].to_numpy()
    return keeper


def _keepers(frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
    group = frame["duplicate_group" if thresholds["drop_near_duplicates"] else "exact_group"].to_numpy()
    # Only the images that share a group compete: sorting them alone is what makes a what-if answer at once.
    rows = np.flatnonzero(pd.Series(group).duplicated(keep=False))
    number, _ = pd.factorize(group[rows])
    action = frame["review_action"].iloc[rows]
    match thresholds["duplicate_keeper"]:
        case "resolution":
            picture = frame["width"].to_numpy()[rows] * frame["height"].to_numpy()[rows]
        case "sharpness":
            picture = frame["blurry_score"].to_numpy()[rows]
        case _:
            picture = np.zeros(len(rows))
    by = (
        number,
        np.select([action.isin(["keep", "relabel"]), action == "drop"], [0, 2], 1),
        frame["unfit"].to_numpy()[rows],
        -picture,
        -frame["label_quality_score"].to_numpy()[rows],
        pd.factorize(frame["image_id"].iloc[rows], sort=True)[0],
    )
    order = np.lexsort(by[::-1])
    begins = np.diff(number[order], prepend=-1) != 0
    keeper = np.arange(len(frame))
    keeper[rows[order]] = rows[order][begins][np.cumsum(begins) - 1]
    return keeper


def is_copy(frame: pd.DataFrame, thresholds: Thresholds, *, exact: bool) -> np.ndarray:
    """(N,) bool: another image stays for this one, with the same pixels or, where it is not exact, with others.

    In a group that holds near copies too, the keeper need not be the one that an exact copy is exact to.
    """
    keeper, pixels = keepers(frame, thresholds), frame["exact_group"].to_numpy()
    copy: np.ndarray = (keeper != np.arange(len(frame))) & ((pixels == pixels[keeper]) == exact)
    return copy


def dropped_for_its_keeper(frame: pd.DataFrame, thresholds: Thresholds) -> Decision:
    """The decision of both rules."""
    keeper = keepers(frame, thresholds)
    copies = np.flatnonzero(keeper != np.arange(len(frame)))
    counterpart = np.full(len(frame), "", dtype=object)
    counterpart[copies] = frame["image_id"].iloc[keeper[copies]].to_numpy()
    return Decision(counterpart=counterpart)


def explains(kind: str) -> Callable[[Any, Context], str]:
    """The reason of a rule, `kind` with its article."""

    def words(row: Any, context: Context) -> str:
        keeper = context.images[row.counterpart]
        becomes = "is dropped as well" if keeper["action"] == "drop" else "stays"
        chosen_by = context.thresholds["duplicate_keeper"]
        by = "" if chosen_by == "label_support" else f" by its {chosen_by}"
        start = f"{kind} duplicate of {row.counterpart}, which was chosen for the group{by} and {becomes}"
        if row.label < 0:
            return start
        return (
            f"{start} "
            f"(quality of its label {keeper['label_quality_score']:.2f}, of this one {row.label_quality_score:.2f})"
        )

    return words
