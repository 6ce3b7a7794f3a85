"""From scores to verdicts, figures and the sentences that say what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from winnow.filtering.copies import CopySpace, pixel_counts
from winnow.filtering.cut import cut
from winnow.filtering.leakage import leaks
from winnow.filtering.ledger import filter_figures, filter_ledger, group_counts, warnings


@dataclass(frozen=True)
class Decision:
    """What came of a cut.

    Attributes:
        ledger: a row per image, with its reason.
        leaks: images of other splits that are copies of filtered ones.
        figures: for metrics.
        groups: classes of images and boxes, before and after.
        kept_list: names of the kept images of all splits, a line each.
        warnings: what a person should know, a sentence each.
        sentence: what went.
    """

    ledger: pd.DataFrame
    leaks: pd.DataFrame
    figures: dict[str, Any]
    groups: pd.DataFrame
    kept_list: str
    warnings: list[str]
    sentence: str


def decide(
    items: pd.DataFrame,
    boxes: pd.DataFrame,
    points: Mapping[str, np.ndarray],
    features: np.ndarray,
    scores: pd.DataFrame,
    decisions: pd.DataFrame,
    *,
    outliers: float,
    similar: float | Literal["auto"],
    keep: float | None,
    most_of_a_group: float,
    copies_across_groups: bool,
    seed: int,
) -> Decision:
    """Cut.

    Args:
        items: of all images, sorted by `image_id`.
        boxes: of all images.
        points: the arrays of the file `points`, rows in the order of the items.
        features: (N, F) that these came from, also a memory map.
        scores: of the filtered images.
        decisions: of people about filtered images, as `winnow.filtering.verdicts.read_verdicts` gives them.
        outliers, similar, keep, most_of_a_group: as in the section `cut` of the params.
        copies_across_groups: whether an image may go for its copy in another of the groups.
        seed: of the random sets that figures are set beside.
    """
    filtered = items["is_filtered"].to_numpy()
    scores = scores.sort_values("image_id", ignore_index=True)
    ids = scores["image_id"].to_numpy()
    inside = points["points"][filtered]
    copies, within = CopySpace.of_points(features, points), float(points["copy_distance"])
    order = np.argsort(scores["outlier_rank"].to_numpy())
    keeper = pd.Series(np.arange(len(ids)), index=ids)[scores["stays_for_it"]].to_numpy()
    balance = scores["balance"].to_numpy()
    result = cut(
        inside,
        copies=copies.only(filtered),
        outlier_order=order,
        removal_rank=scores["removal_rank"].to_numpy(),
        keeper=keeper,
        copy_groups=np.zeros(len(ids), dtype=np.int64) if copies_across_groups else scores["group"].to_numpy(),
        pixels=pixel_counts(items[filtered]),
        groups=balance,
        outliers=outliers,
        similar=None if similar == "auto" else similar,
        within=within,
        keep=keep,
        most_of_a_group=most_of_a_group,
        keep_anyway=np.isin(ids, decisions.loc[decisions["action"] == "keep", "image_id"]),
        drop_anyway=np.isin(ids, decisions.loc[decisions["action"] == "drop", "image_id"]),
    )
    ledger = filter_ledger(items, scores, result, decisions)
    leaked = leaks(items["image_id"].to_numpy(), copies, filtered, within=within)
    figures = filter_figures(result, inside, balance, within=within, leaked=len(leaked), seed=seed)
    removed = figures["removed"]
    sentence = (
        f"{figures['kept']:,} of {len(ids):,} images stay; {removed['redundant']:,} went as redundant, "
        f"{removed['outlier']:,} as outliers, {removed['person']:,} by a person"
    )
    stays = ledger.loc[ledger["verdict"] == "kept", "image_id"]
    groups = group_counts(items[filtered].reset_index(drop=True), boxes, result.kept)
    return Decision(ledger, leaked, figures, groups, "\n".join([*stays, ""]), warnings(figures), sentence)
