"""Which images are most worth a person's look."""

import numpy as np
import pandas as pd

# A score this far from its threshold, in the score's own unit, is half as near as one that meets it.
_HALF_QUALITY, _HALF_CONFIDENCE, _HALF_OOD = 0.07, 0.07, 0.07
_WEIGHTS = {"disagreement": 0.4, "nearness": 0.35, "influence": 0.25}
# A copy is decided by the image that stands for it, and what a person decided is done.
_SHARE_OF_COPIES, _SHARE_OF_DONE = 0.2, 0.0


def rank_for_review(
    ledger: pd.DataFrame, *, label_quality_threshold: float, relabel_confidence: float, ood_threshold: float
) -> pd.DataFrame:
    """Say how much a person's look at each image is worth.

    Three things make it worth much: the detectors disagree about the image, a score lies near the threshold that
    decided, or much hangs on the decision (a small class, a validation image, a duplicate group of several labels).

    Args:
        ledger: (N rows) with `label`, `label_quality_score`, `knn_label_agreement`, `is_label_issue`,
            `flagged_label_issue`, `suggested_confidence`, `agreeing_sources`, `sources`, `ood_score`, `rule`,
            `final_label`, `split`, `label_conflict`, `decided_by`.
        label_quality_threshold, relabel_confidence, ood_threshold: of `curate`.

    Returns:
        N rows of `priority`, `disagreement`, `nearness`, `influence`, all in [0, 1], higher is more worth it, and
        `why` (words).
    """
    parts = pd.DataFrame(
        {
            "disagreement": _disagreement(ledger),
            "nearness": _nearness(ledger, label_quality_threshold, relabel_confidence, ood_threshold),
            "influence": _influence(ledger),
        }
    )
    worth = sum(weight * parts[name] for name, weight in _WEIGHTS.items())
    copy = ledger["rule"].isin(["exact_duplicate", "near_duplicate", "validation_leak"])
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


def _nearness(ledger: pd.DataFrame, quality: float, confidence: float, ood: float) -> np.ndarray:
    issue = ledger["flagged_label_issue"].to_numpy()
    another = (ledger["suggested_label"] != ledger["label"]).to_numpy()
    near_quality = _near(ledger["label_quality_score"], quality, _HALF_QUALITY) * another
    near_confidence = _near(ledger["suggested_confidence"], confidence, _HALF_CONFIDENCE) * issue
    near_ood = _near(ledger["ood_score"], ood, _HALF_OOD)
    nearest: np.ndarray = np.maximum.reduce([near_quality, near_confidence, near_ood])
    return nearest


def _near(score: pd.Series, threshold: float, half: float) -> np.ndarray:
    nearness: np.ndarray = np.exp2(-np.abs(score.to_numpy() - threshold) / half)
    return nearness


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
