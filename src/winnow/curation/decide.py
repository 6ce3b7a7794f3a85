"""One reasoned decision per image, by the rules of `curation/rules` in the order in which they win."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules import KEEP, RULES, in_force
from winnow.curation.rules.class_floor import CLASS_FLOOR, hold_floor
from winnow.curation.rules.doubtful_label import drop_doubtful
from winnow.curation.rules.duplicates import KEEPER
from winnow.curation.rules.rule import Context, Rule, Thresholds

# What rules read beside the scores; no part of the result.
_WORKING = ("review_action", "review_label", "reviewer", "review_reason", "unfit", KEEPER)


def decide(
    scores: pd.DataFrame,
    *,
    class_names: list[str],
    thresholds: Mapping[str, Any],
    review: pd.DataFrame,
    with_reasons: bool = True,
    rules: Sequence[Rule] = RULES,
) -> pd.DataFrame:
    """Decide on every image.

    Args:
        scores: a row per image with `image_id` (unique), `label` int in [0, K), `label_quality_score` in [0, 1] (lower
            is worse), `suggested_label`, `suggested_confidence` in [0, 1], `agreeing_sources`, `sources`, `ood_score`
            (higher is farther out), `ood_detectors` (how many flag the image), `duplicate_group`, `exact_group` (equal
            for identical pixels), `image_faults` (comma-separated), and whatever else a rule reads.
        class_names: K names, for the reasons in words.
        thresholds: of `curate` in params.yaml, by name.
        review: what people decided, as `read_review` returns it; beats every rule.
        with_reasons: whether to put the decisions into words, which takes most of the time; `reason` is "" without.
        rules: in the order in which they win.

    Returns:
        `scores` with these columns added: `flagged_<finding>` bool (what each rule takes, whichever wins), `rule`,
        `action` (keep, relabel, drop), `decided_by` ("rule" or the reviewer), `counterpart` (the image chosen for its
        duplicate group, else ""), `final_label` (int64, -1 if dropped), `threshold` (the value that was met, NaN if
        none) and `reason` (words).
    """
    return decide_reviewed(
        with_review(scores, review),
        class_names=class_names,
        thresholds=thresholds,
        with_reasons=with_reasons,
        rules=rules,
    )


def decide_reviewed(
    reviewed: pd.DataFrame,
    *,
    class_names: list[str],
    thresholds: Mapping[str, Any],
    with_reasons: bool = True,
    rules: Sequence[Rule] = RULES,
) -> pd.DataFrame:
    """`decide`, for who asks it again and again: `reviewed` is what `with_review` returns, and stays as it is."""
    thresholds = in_force(thresholds, rules)
    frame = reviewed.copy(deep=False)
    taken = _take(frame, rules, thresholds)
    frame = frame.assign(**_decisions(frame, rules, taken, thresholds))
    hold_floor(frame, rules, num_classes=len(class_names), floor=thresholds["class_floor"])
    drop_doubtful(frame, rules, num_classes=len(class_names), thresholds=thresholds)
    frame["threshold"] = np.nan
    for rule in rules:
        if rule.cuts:
            frame.loc[frame["rule"] == rule.name, "threshold"] = float(thresholds[rule.cuts[0].threshold])
    frame["reason"] = _reasons(frame, rules, class_names, thresholds) if with_reasons else ""
    return frame.drop(columns=list(_WORKING), errors="ignore")


def with_review(scores: pd.DataFrame, review: pd.DataFrame) -> pd.DataFrame:
    """A copy of the scores, with what people decided beside them, both as `decide` takes them."""
    frame = scores.reset_index(drop=True)
    known = np.flatnonzero(frame["image_id"].isin(review["image_id"]))
    reviewed = review.set_index("image_id").loc[frame["image_id"].iloc[known]].set_index(known).reindex(frame.index)
    return frame.assign(
        review_action=reviewed["action"],
        review_label=reviewed["label"],
        reviewer=reviewed["reviewer"],
        review_reason=reviewed["reason"].fillna(""),
    )


def _take(frame: pd.DataFrame, rules: Sequence[Rule], thresholds: Thresholds) -> dict[str, np.ndarray]:
    """(N,) bool by rule, the images that it takes whichever wins; adds `unfit` and the flags to the frame."""
    taken: dict[str, np.ndarray] = {}
    flags: dict[str, np.ndarray] = {}
    frame["unfit"] = 0
    for rule in sorted(rules, key=lambda rule: rule.compares):  # those that look at one image alone come first
        if not rule.takes_images:
            continue
        taken[rule.name] = rule.take(frame, thresholds)
        if rule.unfit and not rule.compares:  # the stronger rule's bit counts for more
            frame["unfit"] = 2 * frame["unfit"] + taken[rule.name]
        if rule.flag:
            flags[rule.flag] = frame[rule.flag] = taken[rule.name] | flags.get(rule.flag, False)
    return taken


def _decisions(
    frame: pd.DataFrame, rules: Sequence[Rule], taken: Mapping[str, np.ndarray], thresholds: Thresholds
) -> dict[str, np.ndarray]:
    """The columns of the decision, (N,) each: of the first rule that takes an image."""
    columns = {name: np.empty(len(frame), dtype=object) for name in ("rule", "action", "decided_by", "counterpart")}
    columns["final_label"] = np.empty(len(frame), dtype=np.int64)
    undecided = np.ones(len(frame), dtype=bool)
    for rule in [rule for rule in rules if rule.name in taken] + [KEEP]:
        rows = np.flatnonzero(undecided & taken.get(rule.name, undecided))
        if len(rows):
            for name, value in {"rule": rule.name, **vars(rule.decides(frame, thresholds))}.items():
                columns[name][rows] = value[rows] if isinstance(value, np.ndarray) else value
        undecided[rows] = False
    return columns


def _reasons(frame: pd.DataFrame, rules: Sequence[Rule], class_names: list[str], thresholds: Thresholds) -> list[str]:
    keepers = zip(frame["image_id"], frame["label_quality_score"], frame["action"], strict=True)
    images = {name: {"label_quality_score": quality, "action": action} for name, quality, action in keepers}
    context = Context(class_names, thresholds, images)
    by_name = {rule.name: rule for rule in (*rules, CLASS_FLOOR, KEEP)}
    rows = zip(frame["rule"], frame.itertuples(index=False), strict=True)
    return [by_name[rule].reason(row, context) for rule, row in rows]
