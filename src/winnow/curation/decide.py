"""One reasoned decision per image: the rules, in the order in which they win.

1. a person's review; 2. duplicates (one image of a group stays); 3. faults of the picture that params.yaml names; 4.
out of distribution; 5. label issues (relabel where the evidence is strong, drop where it is not); 6. the class floor,
which brings the least suspicious images back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What `curate` in params.yaml holds; see docs/params.md."""

    label_quality_threshold: float
    relabel_confidence: float
    relabel_sources: int
    ood_threshold: float
    ood_detectors: int
    drop_near_duplicates: bool
    drop_image_faults: Sequence[str]
    class_floor: int


def decide(
    scores: pd.DataFrame,
    *,
    class_names: list[str],
    thresholds: Thresholds,
    review: pd.DataFrame,
    with_reasons: bool = True,
) -> pd.DataFrame:
    """Decide on every image.

    Args:
        scores: a row per image with `image_id` (unique), `label` int in [0, K), `label_quality_score` in [0, 1] (lower
            is worse), `suggested_label`, `suggested_confidence` in [0, 1], `agreeing_sources`, `sources`, `ood_score`
            (higher is more out of distribution), `ood_detectors` (how many find the image odd), `duplicate_group`,
            `exact_group` (equal for identical pixels), `image_faults` (comma-separated).
        class_names: K names, for the reasons in words.
        thresholds: where the scores are cut.
        review: what people decided, as `read_review` returns it; beats every rule.
        with_reasons: whether to put the decisions into words, which takes most of the time; `reason` is "" without.

    Returns:
        `scores` with these columns added: `action` (keep, relabel, drop), `final_label` (int64, -1 if dropped),
        `reason` (words), `rule`, `threshold` (the value that was met, NaN if none), `counterpart` (the image chosen
        for its duplicate group, else ""), `decided_by` ("rule" or the reviewer), and `flagged_label_issue`,
        `flagged_ood`, `flagged_duplicate`, which say what each detector found whichever rule won.
    """
    frame = scores.reset_index(drop=True).copy()
    reviewed = review.set_index("image_id").reindex(frame["image_id"])
    frame["flagged_ood"] = (frame["ood_score"] >= thresholds.ood_threshold) & (
        frame["ood_detectors"] >= thresholds.ood_detectors
    )
    frame["flagged_label_issue"] = (frame["label_quality_score"] < thresholds.label_quality_threshold) & (
        frame["suggested_label"] != frame["label"]
    )
    faulty = np.array([bool(_dropping(faults, thresholds)) for faults in frame["image_faults"]], dtype=bool)
    keeper = _keepers(frame, faulty, reviewed["action"].to_numpy(), near_too=thresholds.drop_near_duplicates)
    frame["flagged_duplicate"] = keeper != np.arange(len(frame))

    frame["rule"] = np.select(
        [
            reviewed["action"].notna().to_numpy(),
            frame["flagged_duplicate"],
            faulty,
            frame["flagged_ood"],
            frame["flagged_label_issue"],
        ],
        ["review", "duplicate", "image_fault", "ood", "label_issue"],
        default="keep",
    )
    duplicate = frame["rule"] == "duplicate"
    # In a group that holds near copies too, the keeper need not be the one that an exact copy is exact to.
    exact = frame["exact_group"].to_numpy()
    frame.loc[duplicate, "rule"] = np.where(exact == exact[keeper], "exact_duplicate", "near_duplicate")[duplicate]
    relabel = (
        (frame["rule"] == "label_issue")
        & (frame["suggested_confidence"] >= thresholds.relabel_confidence)
        & (frame["agreeing_sources"] >= thresholds.relabel_sources)
    )
    frame["action"] = np.where(frame["rule"] == "keep", "keep", np.where(relabel, "relabel", "drop"))
    frame["decided_by"] = "rule"
    frame["counterpart"] = np.where(duplicate, frame["image_id"].to_numpy()[keeper], "")
    frame["final_label"] = np.select(
        [frame["action"] == "keep", frame["action"] == "relabel"],
        [frame["label"], frame["suggested_label"]],
        default=-1,
    )
    _apply_review(frame, reviewed)
    _hold_floor(frame, len(class_names), thresholds.class_floor)
    met = {"ood": thresholds.ood_threshold, "label_issue": thresholds.label_quality_threshold}
    rule = frame["rule"].to_numpy(dtype=object)
    frame["threshold"] = np.select([rule == name for name in met], list(met.values()), default=np.nan).astype(float)
    said = reviewed["reason"].fillna("").to_numpy()
    frame["reason"] = _reasons(frame, class_names, thresholds, said) if with_reasons else ""
    return frame


def _dropping(image_faults: str, thresholds: Thresholds) -> list[str]:
    """Those of an image's faults that drop it."""
    return [fault for fault in image_faults.split(",") if fault in thresholds.drop_image_faults]


def _keepers(frame: pd.DataFrame, faulty: np.ndarray, reviewed_action: np.ndarray, *, near_too: bool) -> np.ndarray:
    """(N,) position of the image that stays for each image's duplicate group (its own position if it is alone).

    The keeper is the image that a person kept, else one that no one dropped, without faults that drop it, in
    distribution, whose label is best supported; ties go to the smaller id. Where near duplicates are not to be
    dropped, only images with the same pixels are a group.
    """
    group = frame["duplicate_group" if near_too else "exact_group"].to_numpy()
    action = pd.Series(reviewed_action)
    # Only the images that share a group compete: sorting them alone is what makes a what-if answer at once.
    rows = np.flatnonzero(pd.Series(group).duplicated(keep=False))
    order = pd.DataFrame(
        {
            "group": group[rows],
            "kept": ~action.isin(["keep", "relabel"]).to_numpy()[rows],
            "dropped": (action == "drop").to_numpy()[rows],
            "faulty": faulty[rows],
            "ood": frame["flagged_ood"].to_numpy()[rows],
            "quality": -frame["label_quality_score"].to_numpy()[rows],
            "image_id": frame["image_id"].to_numpy()[rows],
        },
        index=rows,
    ).sort_values(["group", "kept", "dropped", "faulty", "ood", "quality", "image_id"], kind="stable")
    keeper = np.arange(len(frame))
    keeper[order.index] = order.index.to_series().groupby(order["group"]).transform("first")
    return keeper


def _apply_review(frame: pd.DataFrame, reviewed: pd.DataFrame) -> None:
    rows = reviewed["action"].notna().to_numpy()
    action = reviewed["action"].to_numpy()[rows]
    frame.loc[rows, "action"] = action
    frame.loc[rows, "decided_by"] = reviewed["reviewer"].to_numpy()[rows]
    frame.loc[rows, "counterpart"] = ""
    frame.loc[rows, "final_label"] = np.select(
        [action == "keep", action == "relabel"],
        [frame.loc[rows, "label"], reviewed["label"].fillna(-1).astype(np.int64).to_numpy()[rows]],
        default=-1,
    )


def _hold_floor(frame: pd.DataFrame, num_classes: int, floor: int) -> None:
    """Bring back, class by class, the least suspicious images that a rule took, until the floor is met.

    First dropped label issues, then images relabelled to a class that can spare them, then those with faults of the
    picture, then outliers; duplicates and what a person decided stay as they are. A class that never had as many
    images is left under the floor.
    """
    for label in range(num_classes):
        lacking = floor - int((frame["final_label"] == label).sum())
        if lacking <= 0:
            continue
        own = frame["label"] == label
        dropped = own & (frame["rule"] == "label_issue") & (frame["action"] == "drop")
        faulty = own & (frame["rule"] == "image_fault")
        outliers = own & (frame["rule"] == "ood")
        restored = [
            *_by_quality(frame, dropped),
            *_spared(frame, own, floor),
            *_by_quality(frame, faulty),
            *_by_quality(frame, outliers, by_ood=True),
        ]
        rows = restored[:lacking]
        frame.loc[rows, "action"] = "keep"
        frame.loc[rows, "rule"] = "class_floor"
        frame.loc[rows, "final_label"] = label


def _by_quality(frame: pd.DataFrame, rows: pd.Series, *, by_ood: bool = False) -> list[int]:
    column, ascending = ("ood_score", True) if by_ood else ("label_quality_score", False)
    return frame[rows].sort_values([column, "image_id"], ascending=[ascending, True]).index.tolist()


def _spared(frame: pd.DataFrame, own: pd.Series, floor: int) -> list[int]:
    """Relabelled images of the class, best first, each only while its new class stays at the floor without it (or at
    what it was given with, where that is less)."""
    final, given = (frame[column].value_counts() for column in ("final_label", "label"))
    spare = final - given.reindex(final.index, fill_value=0).clip(1, floor)
    rows = []
    for row in _by_quality(frame, own & (frame["rule"] == "label_issue") & (frame["action"] == "relabel")):
        donor = int(frame["final_label"].loc[row])
        if spare[donor] > 0:
            spare[donor] -= 1
            rows.append(row)
    return rows


def _reasons(frame: pd.DataFrame, class_names: list[str], thresholds: Thresholds, said: np.ndarray) -> list[str]:
    keepers = frame.set_index("image_id")[["label_quality_score", "action"]].to_dict("index")
    return [
        _reason(row, class_names, thresholds, keepers.get(row.counterpart, {}), words)
        for row, words in zip(frame.itertuples(index=False), said, strict=True)
    ]


def _reason(row: Any, class_names: list[str], thresholds: Thresholds, keeper: dict[Any, Any], said: str) -> str:
    given = class_names[row.label]
    match row.rule:
        case "review":
            verb = {"keep": "kept", "drop": "dropped", "relabel": f"relabelled from {given}"}[row.action]
            new = f" to {class_names[row.final_label]}" if row.action == "relabel" else ""
            return f"{verb}{new} by {row.decided_by}" + (f": {said}" if said else "")
        case "exact_duplicate" | "near_duplicate":
            kind = "an exact" if row.rule == "exact_duplicate" else "a near"
            fate = "is dropped as well" if keeper["action"] == "drop" else "stays"
            return (
                f"{kind} duplicate of {row.counterpart}, which was chosen for the group and {fate} "
                f"(quality of its label {keeper['label_quality_score']:.2f}, of this one {row.label_quality_score:.2f})"
            )
        case "image_fault":
            return f"the picture itself is at fault: {', '.join(_dropping(row.image_faults, thresholds))}"
        case "ood":
            return (
                f"out of distribution: score {row.ood_score:.2f}, the threshold is {thresholds.ood_threshold:g}; "
                f"{row.ood_detectors} detectors find it odd (needed: {thresholds.ood_detectors})"
            )
        case "label_issue":
            return _label_reason(row, given, class_names[row.suggested_label], thresholds)
        case "class_floor":
            return (
                f"brought back with its label {given}: the class would fall under {thresholds.class_floor} images "
                f"(label quality {row.label_quality_score:.2f}, out-of-distribution score {row.ood_score:.2f})"
            )
        case _:
            hard = row.label_quality_score < thresholds.label_quality_threshold
            why = "hard, but no other label fits better than" if hard else "nothing speaks against the label"
            scores = f"quality {row.label_quality_score:.2f}, out-of-distribution score {row.ood_score:.2f}"
            return f"{why} {given} ({scores})"


def _label_reason(row: Any, given: str, suggested: str, thresholds: Thresholds) -> str:
    evidence = (
        f"confidence {row.suggested_confidence:.2f} (needed: {thresholds.relabel_confidence:g}), "
        f"{row.agreeing_sources} of {row.sources} sources (needed: {thresholds.relabel_sources})"
    )
    start = f"label {given} has quality {row.label_quality_score:.2f}, below {thresholds.label_quality_threshold:g}"
    if row.action == "relabel":
        return f"{start}; relabelled to {suggested}: {evidence}"
    return f"{start}; too little speaks for {suggested}: {evidence}"
