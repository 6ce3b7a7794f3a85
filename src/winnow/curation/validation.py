"""A clean validation set: diverse images on which every signal agrees."""

import numpy as np
import pandas as pd

# A class never gives more than this share of its images away, unless the set would be too small without them.
_LARGEST_SHARE = 0.2
# The course refuses a validation set of fewer images.
_LEAST_TOTAL = 10
# Facility location compares all candidates with one another: at most this many per class, drawn by the seed.
_MAX_CANDIDATES = 2000


def select_validation(
    decisions: pd.DataFrame,
    features: np.ndarray,
    *,
    num_classes: int,
    per_class: int,
    max_total: int,
    min_label_quality: float,
    max_ood_score: float,
    seed: int,
) -> np.ndarray:
    """Choose the validation images.

    Candidates are images kept with the label they came with, on which all sources agree, that no detector flags and
    whose scores keep a margin; and images that a person kept or relabelled. Among them, facility location
    (Nemhauser et al. 1978) picks those that together represent their class best: diverse, and no oddities.

    Args:
        decisions: (N rows) the decisions, with `final_label`, `action`, `rule`, `signals_agree`, the flags and scores.
        features: (N, D) float32, L2-normalised, in the same order.
        num_classes: K.
        per_class: how many per class, where there are enough candidates.
        max_total: never more than this in all.
        min_label_quality: candidates have at least this `label_quality_score` (lower is worse).
        max_ood_score: candidates have at most this `ood_score` (higher is more out of distribution).
        seed: draws the candidates that are compared where a class has very many.

    Returns:
        Sorted row positions. A class with too few candidates adds its best-supported kept images, so that every class
        that still has an image is present and the set holds ten images in all.
    """
    rng = np.random.default_rng(seed)
    final_label = decisions["final_label"].to_numpy()
    by_person = decisions["rule"].eq("review") & decisions["action"].ne("drop")
    agreed = (
        decisions["rule"].eq("keep")
        & decisions["signals_agree"]
        & (decisions["label_quality_score"] >= min_label_quality)
        & (decisions["ood_score"] <= max_ood_score)
    )
    candidate = (by_person | agreed).to_numpy()
    quality = decisions["label_quality_score"].to_numpy()
    quota = min(per_class, max_total // num_classes)
    least = min(quota, -(-_LEAST_TOTAL // num_classes))
    chosen = []
    for label in range(num_classes):
        members = np.flatnonzero(final_label == label)
        rows = members[candidate[members]]
        if len(rows) < least:
            others = np.setdiff1d(members, rows)
            best_first = others[np.argsort(-quality[others], kind="stable")]
            rows = np.concatenate([rows, best_first[: least - len(rows)]])
        if len(rows) > _MAX_CANDIDATES:
            rows = np.sort(rng.choice(rows, _MAX_CANDIDATES, replace=False))
        count = min(quota, max(least, int(len(members) * _LARGEST_SHARE)))
        chosen.append(rows[facility_location(features[rows], count)])
    return np.sort(np.concatenate(chosen))


def facility_location(features: np.ndarray, count: int) -> np.ndarray:
    """Greedily pick the `count` rows that leave every row close to a picked one.

    Maximises the sum over all rows of the cosine similarity to the nearest picked row; the greedy choice is within
    1 - 1/e of the best (Nemhauser et al. 1978).

    Args:
        features: (n, D), L2-normalised.
        count: how many; all rows are returned if there are fewer.

    Returns:
        (min(count, n),) positions in the order picked.
    """
    if len(features) <= count:
        return np.arange(len(features))
    similarity = features @ features.T  # (n, n)
    nearest = np.full(len(features), -1.0, np.float32)  # of every row to the picked ones
    picked = np.empty(count, np.int64)
    for step in range(count):
        gain = np.maximum(similarity, nearest).sum(axis=1, dtype=np.float64)
        gain[picked[:step]] = -np.inf
        picked[step] = np.argmax(gain)
        nearest = np.maximum(nearest, similarity[picked[step]])
    return picked


def assign_splits(
    decisions: pd.DataFrame, validation: np.ndarray, leaks: dict[int, int], *, class_names: list[str]
) -> pd.DataFrame:
    """The ledger: the decisions, with the split of every image.

    Args:
        decisions: (N rows) as `decide` returns them.
        validation: row positions of the validation images.
        leaks: row position of each further near duplicate of a validation image, and that image's row position.
        class_names: K names, for the reasons.

    Returns:
        `decisions` with `split` (`train`: kept or relabelled, `validation`, or `none`) and `leaks_validation`: whether
        the image shares a duplicate group with a validation image or is named in `leaks`. Those leave training: action
        `drop`, rule `validation_leak`.
    """
    ledger = decisions.reset_index(drop=True).copy()
    image_id = ledger["image_id"].to_numpy()
    chosen = np.zeros(len(ledger), bool)
    chosen[validation] = True

    group_member = ledger["duplicate_group"].map(
        dict(zip(ledger["duplicate_group"].to_numpy()[validation], validation, strict=True))
    )
    leaked_from = pd.Series(leaks, dtype=float).reindex(ledger.index).fillna(group_member)
    ledger["leaks_validation"] = leaked_from.notna() & ~chosen

    leaving = ledger["leaks_validation"] & (ledger["action"] != "drop")
    counterpart = image_id[leaked_from[leaving].astype(int)]
    ledger.loc[leaving, ["action", "rule", "decided_by"]] = ["drop", "validation_leak", "rule"]
    ledger.loc[leaving, "final_label"] = -1
    ledger.loc[leaving, "threshold"] = np.nan
    ledger.loc[leaving, "counterpart"] = counterpart
    ledger.loc[leaving, "reason"] = [f"a near duplicate of the validation image {other}" for other in counterpart]

    ledger["split"] = np.select([chosen, ledger["action"] != "drop"], ["validation", "train"], default="none")
    ledger.loc[chosen, "reason"] = [
        f"chosen for the validation set as {class_names[label]}; {reason}"
        for label, reason in zip(ledger["final_label"][chosen], ledger["reason"][chosen], strict=True)
    ]
    return ledger
