"""One row per image: what became of it, and why in words."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.filtering.coverage import coverage
from winnow.filtering.cut import KEPT, OUTLIER, PERSON, REDUNDANT, Cut

VERDICTS = (KEPT, REDUNDANT, OUTLIER, PERSON)


def filter_ledger(items: pd.DataFrame, scores: pd.DataFrame, cut: Cut, decisions: pd.DataFrame) -> pd.DataFrame:
    """Join items, scores and verdicts.

    Args:
        items: all images, sorted by `image_id`.
        scores: of the M filtered images, sorted by `image_id`: outlier and redundancy scores.
        cut: of the same M images, in the same order.
        decisions: `image_id`, `reviewer` and `reason` of people.

    Returns:
        The rows of `items` with `verdict`, `reason`, `keeper`, `distance`, `decided_by` and the scores; NaN and 0 where
        an image is in a split that is not touched.
    """
    ids = scores["image_id"].to_numpy()
    by_person = dict(zip(decisions["image_id"], decisions["reviewer"], strict=True))
    told = dict(zip(decisions["image_id"], decisions["reason"], strict=True))
    keeper = np.where(cut.keeper >= 0, ids[cut.keeper], "")
    cosine = cut.distance**2 / 2
    typical = float(np.median(scores["leaving_height"]))
    odd = cut.verdict == OUTLIER
    turn = scores["outlier_rank"].where(odd).rank()  # among those that go: groups that can spare none are passed over
    reasons = []
    for row, verdict in enumerate(cut.verdict.tolist()):
        reviewer = by_person.get(ids[row])
        if reviewer is not None:
            why = f": {told[ids[row]]}" if told[ids[row]] else ""
            reasons.append(f"{'kept' if verdict == KEPT else 'dropped'} by {reviewer}{why}")
        elif verdict == REDUNDANT:
            reasons.append(f"{cosine[row]:.3f} from {keeper[row]}, which is kept")
        elif verdict == OUTLIER:
            height = scores["leaving_height"].iloc[row]
            reasons.append(
                f"odd one {turn.iloc[row]:.0f} of {odd.sum()} that go: {height:.2f} from the other images, where "
                f"{typical:.2f} is usual"
            )
        elif scores["removal_rank"].iloc[row]:
            reasons.append(f"kept: number {scores['removal_rank'].iloc[row]:,} in the order of those that could go")
        else:
            reasons.append("kept: the last of its group, which never goes")
    judged = scores.assign(
        verdict=cut.verdict,
        reason=reasons,
        keeper=keeper,
        distance=cosine,
        decided_by=[str(by_person.get(image_id, "rule")) for image_id in ids],
    )
    ledger = items.merge(judged, on="image_id", how="left", validate="one_to_one")
    outside = ~ledger["is_filtered"]
    ledger.loc[outside, "verdict"] = KEPT
    ledger.loc[outside, "reason"] = [
        f"of the split {split}, which is not touched" for split in ledger["split"][outside]
    ]
    words = ["keeper", "decided_by", "stays_for_it"]
    ledger[words] = ledger[words].fillna("").astype(str)
    counts = ["outlier_rank", "removal_rank", "group", "balance", "tile"]
    ledger[counts] = ledger[counts].fillna(0).astype(np.int64)
    return ledger


def filter_figures(
    cut: Cut, points: np.ndarray, groups: np.ndarray, *, within: float, leaked: int, seed: int
) -> dict[str, Any]:
    """Counts, and how well the kept images stand for all beside as many random ones.

    Args:
        cut: of M images.
        points: (M, D) float32, rows of length 1.
        groups: (M,) int, classes or groups.
        within: distance of copies that `similar: auto` takes.
        leaked: how many images of other splits are copies of these.
        seed: of the random sets.
    """
    removed = {name: int((cut.verdict == name).sum()) for name in VERDICTS if name != KEPT}
    odd = groups[cut.verdict == OUTLIER]
    beside_random = coverage(points, cut.kept, groups, seed=seed)
    return {
        "images": len(points),
        "kept": int(cut.kept.sum()),
        "kept_share": float(cut.kept.mean()),
        "removed": removed,
        "outliers_spared_by_guard": cut.spared,
        "outliers_in_one_group": float(np.bincount(odd).max() / len(odd)) if len(odd) else 0.0,
        "copy_distance": within**2 / 2,
        "leaked_into_other_splits": leaked,
        "smallest_group_share": beside_random["filtered"]["smallest_group_share"],
        "beside_random": beside_random,
    }


def warnings(figures: dict[str, Any]) -> list[str]:
    """What a person should know of a cut, a sentence each."""
    found = []
    if figures["outliers_in_one_group"] > 1 / 3 and figures["removed"][OUTLIER] >= 10:
        found.append(
            f"{figures['outliers_in_one_group']:.0%} of the outliers are of one group: that may be a rare class and no "
            "outliers; look at them in the report."
        )
    if figures["outliers_spared_by_guard"]:
        found.append(
            f"{figures['outliers_spared_by_guard']} outliers stay, since their groups lost cut.most_of_a_group already."
        )
    ours, random = (figures["beside_random"][name]["distance_mean"] for name in ("filtered", "random"))
    if ours > random:
        found.append(
            f"the images that went are farther from the kept ones ({ours:.3f}) than random ones are ({random:.3f})."
        )
    if figures["leaked_into_other_splits"]:
        found.append(
            f"{figures['leaked_into_other_splits']} images of other splits are copies of these: leakage, in "
            "data/processed/leaks.csv."
        )
    return found


def group_counts(items: pd.DataFrame, boxes: pd.DataFrame, kept: np.ndarray) -> pd.DataFrame:
    """Images and boxes by class, before and after.

    Args:
        items: the M filtered images.
        boxes: of all images.
        kept: (M,) bool.

    Returns:
        `kind` (`images` or `boxes`), `class_name`, `before`, `after`, and `share_kept` of the class's share, which is 1
        where all classes lost alike.
    """
    parts = [("images", items.loc[items["label"] != "", "label"], kept[(items["label"] != "").to_numpy()])]
    inside = boxes[boxes["image_id"].isin(items["image_id"])]
    stays = set(items.loc[kept, "image_id"])
    parts.append(("boxes", inside["class_name"], inside["image_id"].isin(stays).to_numpy()))
    rows = []
    for kind, names, stay in parts:
        for name in sorted(set(names)):
            own = (names == name).to_numpy()
            before, after = int(own.sum()), int((own & stay).sum())
            share = (after / max(int(stay.sum()), 1)) / (before / len(names))
            rows.append((kind, name, before, after, share))
    frame = pd.DataFrame(rows, columns=["kind", "class_name", "before", "after", "share_kept"])
    # Also of no rows, where there are no classes.
    return frame.astype(
        {"kind": str, "class_name": str, "before": np.int64, "after": np.int64, "share_kept": np.float64}
    )
