"""Which images are most worth a person's look."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from winnow.curation.rules import RULES
from winnow.curation.rules.rule import Rule, Thresholds

RANKS = {
    "priority": "most worth a look",
    "disagreement": "detectors disagree",
    "nearness": "near a threshold",
    "influence": "much hangs on it",
}
"""The columns of `rank_for_review` that are orders of the queue, in words."""

# A score this far from its threshold, as a share of its range, is half as near as one that meets it.
_HALF = 0.07
_WEIGHTS = {"disagreement": 0.4, "nearness": 0.35, "influence": 0.25}
# A copy is decided by the image that stands for it, and what a person decided is done.
_SHARE_OF_COPIES, _SHARE_OF_DONE = 0.2, 0.0


def rank_for_review(ledger: pd.DataFrame, thresholds: Thresholds, rules: Sequence[Rule] = RULES) -> pd.DataFrame:
    """Say how much a person's look at each image is worth.

    Three things make it worth much: the detectors disagree about the image, a score lies near the threshold that
    decided, or much hangs on the decision (a small class, a validation image, a duplicate group of several labels).

    Args:
        ledger: (N rows) with `label`, `label_quality_score`, `knn_label_agreement`, `is_label_issue`,
            `flagged_label_issue`, `suggested_confidence`, `agreeing_sources`, `sources`, `ood_score`, `rule`,
            `final_label`, `split`, `label_conflict`, `decided_by`, and the scores that rules cut.
        thresholds: the value of each.
        rules: whose cuts scores may lie near to.

    Returns:
        N rows of `priority`, `disagreement`, `nearness`, `influence`, all in [0, 1], higher is more worth it, and
        `why` (words).
    """
    parts = pd.DataFrame(
        {
            "disagreement": _disagreement(ledger),
            "nearness": _nearness(ledger, thresholds, rules),
            "influence": _influence(ledger),
        }
    )
    worth = sum(weight * parts[name] for name, weight in _WEIGHTS.items())
    copy = ledger["rule"].isin([rule.name for rule in rules if rule.compares])
    shares = np.where(copy, _SHARE_OF_COPIES, 1)
    parts["priority"] = worth * shares * np.where(ledger["decided_by"] != "rule", _SHARE_OF_DONE, 1)
    weighted = parts[list(_WEIGHTS)].to_numpy() * np.array(list(_WEIGHTS.values()))
    words = np.array(
        ["the detectors disagree", "a score is near its threshold", "much hangs on it"],
        dtype=object,
    )
    parts["why"] = words[weighted.argmax(axis=1)]
    return parts


def _disagreement(ledger: pd.DataFrame) -> np.ndarray:
    """Confident learning against the threshold, the neighbours against the probe, the sources among themselves."""
    verdicts_differ = (ledger["is_label_issue"] != ledger["flagged_label_issue"]).to_numpy()
    gap = (ledger["knn_label_agreement"] - ledger["label_quality_score"]).abs().fillna(0).to_numpy()
    split = (ledger["agreeing_sources"] / ledger["sources"].clip(lower=1)).clip(0, 1).to_numpy()
    suggests_another = (ledger["suggested_label"] != ledger["label"]).to_numpy()
    disagreement: np.ndarray = 0.4 * verdicts_differ + 0.4 * gap + 0.2 * suggests_another * (1 - split)
    return disagreement.clip(0, 1)


def _nearness(ledger: pd.DataFrame, thresholds: Thresholds, rules: Sequence[Rule]) -> np.ndarray:
    """How near the nearest of an image's scores lies to the threshold that cuts it."""
    near = np.zeros(len(ledger))
    for cut in (cut for rule in rules for cut in rule.cuts):
        values = ledger[cut.score.name].to_numpy(dtype=np.float64)
        distance = np.abs(values - thresholds[cut.threshold]) / cut.score.width(values)
        looked_at = True if cut.among is None else cut.among(ledger)
        near = np.fmax(near, np.exp2(-distance / _HALF) * looked_at)
    return near


def _influence(ledger: pd.DataFrame) -> np.ndarray:
    """The smaller the class an image is in or may come to, the more it counts; validation images count most."""
    kept = ledger.loc[ledger["final_label"] >= 0, "final_label"].value_counts()
    rarity = kept.min() / kept if len(kept) else pd.Series(dtype=float)
    own = ledger["label"].map(rarity).fillna(1).to_numpy()
    other = ledger["suggested_label"].map(rarity).fillna(1).to_numpy()
    in_validation = (ledger["split"] == "validation").to_numpy()
    conflict = ledger["label_conflict"].to_numpy(dtype=bool)
    influence: np.ndarray = 0.5 * np.maximum(own, other) + 0.3 * in_validation + 0.3 * conflict
    return influence.clip(0, 1)
