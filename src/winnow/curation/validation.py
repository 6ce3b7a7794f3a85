"""A clean validation set: diverse images on which every signal agrees."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from winnow.curation.rules import KEEP, REVIEW, VALIDATION_LEAK
from winnow.curation.rules.rule import Context
from winnow.errors import WinnowError

# A class never gives more than this share of its sound images away, unless the set would be too small without them.
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
    confirmed: np.ndarray | None = None,
    rejected: np.ndarray | None = None,
    external: np.ndarray | None = None,
) -> np.ndarray:
    """Choose the validation images.

    Candidates are images kept with the label they came with, on which all sources agree, that no detector flags and
    whose scores keep a margin, one of each group of duplicates; and images that a person kept or relabelled. Among
    them, facility location (Nemhauser et al. 1978) picks those that together represent their class best: diverse, and
    no oddities. What people confirmed is in, what they rejected is out, and only what they leave open is filled up so.

    The thresholds of `curate` do not move the set as long as they ask for less than the margins here: runs that differ
    in them are validated on the same images and share one baseline.

    Args:
        decisions: (N rows) the decisions, with `label`, `final_label`, `action`, `rule`, `duplicate_group` and the
            detectors' `signals_agree`, `is_label_issue`, `is_ood`, `label_quality_score` and `ood_score`.
        features: (N, D) float32, L2-normalised, in the same order.
        num_classes: K.
        per_class: how many per class, where there are enough candidates.
        max_total: never more than this in all.
        min_label_quality: candidates have at least this `label_quality_score` (lower is worse).
        max_ood_score: candidates have at most this `ood_score` (higher is more out of distribution).
        seed: draws the candidates that are compared where a class has very many.
        confirmed: row positions that are in whatever their scores, each with its `final_label`; None for none.
        rejected: row positions that are out; None for none.
        external: (K,) how many confirmed external photos there are of each class; None for none.

    Returns:
        Sorted row positions. A class with too few candidates adds its best-supported kept images, so that every class
        of two images and more is present and the set holds ten images in all; but no class gives its last image away,
        which training needs.

    Raises:
        WinnowError: if people confirmed more images than `max_total`, or that is below one image per class.
    """
    if max_total < num_classes:
        raise WinnowError(
            f"validation.max_total is {max_total}, which is not one image for each of {num_classes} classes; raise it."
        )
    confirmed = np.empty(0, np.int64) if confirmed is None else confirmed
    rejected = np.empty(0, np.int64) if rejected is None else rejected
    taken = np.zeros(num_classes, np.int64) if external is None else external
    taken = taken + np.bincount(decisions["final_label"].to_numpy()[confirmed], minlength=num_classes)
    if taken.sum() > max_total:
        raise WinnowError(
            f"validation.csv confirms {taken.sum():,} images and validation.max_total allows "
            f"{max_total:,}; reject some of them."
        )
    group = decisions["duplicate_group"].to_numpy()
    leaving = np.isin(group, group[confirmed])  # training: what people confirmed, and its copies
    closed = leaving.copy()
    closed[rejected] = True
    rng = np.random.default_rng(seed)
    final_label = decisions["final_label"].to_numpy()
    reviewed = decisions["rule"].eq(REVIEW.name)
    by_person = reviewed & decisions["action"].ne("drop")
    agreed = (
        decisions["rule"].eq(KEEP.name)
        & decisions["signals_agree"]
        & (decisions["label_quality_score"] >= min_label_quality)
        & (decisions["ood_score"] <= max_ood_score)
    )
    candidate = (by_person | (agreed & _best_of_group(decisions))).to_numpy()
    sound = by_person | ~(reviewed | decisions["is_label_issue"] | decisions["is_ood"])  # by the detectors' own cuts
    sound_labels = np.where(by_person, final_label, decisions["label"])[sound.to_numpy()]
    size = np.bincount(sound_labels, minlength=num_classes)
    quality = decisions["label_quality_score"].to_numpy()
    quota = min(per_class, max_total // num_classes)
    open_size, training_size = (
        np.bincount(final_label[(final_label >= 0) & ~out], minlength=num_classes) for out in (closed, leaving)
    )
    room = np.minimum(open_size, training_size - 1).clip(min=0)  # training keeps one
    least = _least_each(taken + room, quota)
    open_rows, wanted = [], np.zeros(num_classes, np.int64)
    for label in range(num_classes):
        members = np.flatnonzero(final_label == label)
        rows = members[candidate[members] & ~closed[members]]
        lacking = least[label] - taken[label] - len(rows)
        if lacking > 0:
            others = np.setdiff1d(members[~closed[members]], rows)
            best_first = others[np.argsort(-quality[others], kind="stable")]
            rows = np.concatenate([rows, best_first[:lacking]])
        if len(rows) > _MAX_CANDIDATES:
            rows = np.sort(rng.choice(rows, _MAX_CANDIDATES, replace=False))
        open_rows.append(rows)
        share = min(quota, max(least[label], int(size[label] * _LARGEST_SHARE)))
        wanted[label] = np.clip(share - taken[label], 0, room[label])
    counts = _within(wanted, max_total - int(taken.sum()))
    chosen = [rows[facility_location(features[rows], count)] for rows, count in zip(open_rows, counts, strict=True)]
    return np.sort(np.concatenate([confirmed, *chosen]))


def require_every_class(training: np.ndarray, validation: np.ndarray, *, class_names: Sequence[str]) -> None:
    """Raise a WinnowError if a class has no image left to train on, or none to validate with.

    Args:
        training, validation: labels of the images in each set, int in [0, K).
        class_names: K names.
    """
    for purpose, labels in (("train on", training), ("validate with", validation)):
        counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=len(class_names))
        empty = [name for name, count in zip(class_names, counts, strict=True) if not count]
        if empty:
            raise WinnowError(
                f"no image to {purpose} is left of {', '.join(empty[:5])}{' and more' if len(empty) > 5 else ''}: a "
                "class needs two pictures that are kept and no copies of each other; add some, confirm external "
                "photos, or leave the class out of data.class_names."
            )


def _least_each(available: np.ndarray, quota: int) -> np.ndarray:
    """(K,) images that each class gives at least: all alike, but large ones more where small ones lack some of ten."""
    least = min(quota, -(-_LEAST_TOTAL // len(available)))
    while np.minimum(least, available).sum() < _LEAST_TOTAL and least < min(quota, available.max()):
        least += 1
    quotas: np.ndarray = np.minimum(least, available)
    return quotas


def _best_of_group(decisions: pd.DataFrame) -> pd.Series:
    """Whether an image is the best supported one of its duplicate group, whatever was decided on the others."""
    best_first = decisions.sort_values(["label_quality_score", "image_id"], ascending=[False, True], kind="stable")
    return ~best_first["duplicate_group"].duplicated().reindex(decisions.index)


def _within(wanted: np.ndarray, total: int) -> np.ndarray:
    """The counts, the largest cut to one height, so that they sum to at most `total`."""
    height = int(wanted.max(initial=0))
    while np.minimum(wanted, height).sum() > total:
        height -= 1
    counts: np.ndarray = np.minimum(wanted, height)
    return counts


def apply_confirmations(
    decisions: pd.DataFrame, confirmations: pd.DataFrame, *, class_names: list[str]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, list[str]]:
    """Let what people confirmed for the validation set beat the rules.

    Args:
        decisions: (N rows) as `decide` returns them.
        confirmations: as `read_confirmations` returns them; rows of other images are left out.
        class_names: K names, for the reasons.

    Returns:
        `decisions` with `confirmed_by` (the reviewer, else "") and, where a rule had decided otherwise, with the
        confirmed label by the rule `review`; row positions of the confirmed and of the rejected images; and the ids of
        confirmed images that decisions.csv drops or gives another label: that verdict stands, the image is rejected.
    """
    frame = decisions.reset_index(drop=True).copy()
    frame["confirmed_by"] = ""
    answers = confirmations.set_index("image_id").reindex(frame["image_id"])
    confirm = answers["verdict"].eq("confirm").to_numpy()
    label = answers["label"].fillna(-1).astype(np.int64).to_numpy()
    agrees = frame["final_label"].to_numpy() == label
    contradicted = confirm & frame["rule"].eq(REVIEW.name).to_numpy() & ~agrees
    confirm = confirm & ~contradicted
    frame.loc[confirm, "confirmed_by"] = answers["reviewer"].to_numpy()[confirm]

    rows = np.flatnonzero(confirm & ~agrees)
    if len(rows):
        frame.loc[rows, "action"] = np.where(frame["label"].to_numpy()[rows] == label[rows], "keep", "relabel")
        frame.loc[rows, "final_label"] = label[rows]
        frame.loc[rows, "rule"] = REVIEW.name
        frame.loc[rows, "threshold"] = np.nan
        frame.loc[rows, "counterpart"] = ""
        frame.loc[rows, "decided_by"] = answers["reviewer"].to_numpy()[rows]
        reasons = answers["reason"].fillna("").to_numpy()[rows]
        frame.loc[rows, "reason"] = [
            f"{class_names[new]} by the eye of a person" + (f": {words}" if words else "")
            for new, words in zip(label[rows], reasons, strict=True)
        ]
    rejected = np.flatnonzero(answers["verdict"].eq("reject").to_numpy() | contradicted)
    return frame, np.flatnonzero(confirm), rejected, frame["image_id"][contradicted].tolist()


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
    decisions: pd.DataFrame,
    validation: np.ndarray,
    leaks: dict[int, int],
    *,
    class_names: list[str],
    external_leaks: dict[int, str] | None = None,
) -> pd.DataFrame:
    """The ledger: the decisions, with the split of every image.

    Args:
        decisions: (N rows) as `apply_confirmations` returns them.
        validation: row positions of the validation images.
        leaks: row position of each further near duplicate of a validation image, and that image's row position.
        class_names: K names, for the reasons.
        external_leaks: row position of each near duplicate of an external validation photo, and that photo's id.

    Returns:
        `decisions` with `split` (`train`: kept or relabelled, `validation`, or `none`) and `leaks_validation`: whether
        the image shares a duplicate group with a validation image or is named in the leaks. Those leave training:
        action `drop`, rule `validation_leak`.
    """
    ledger = decisions.reset_index(drop=True).copy()
    image_id = ledger["image_id"].to_numpy()
    chosen = np.zeros(len(ledger), bool)
    chosen[validation] = True

    group_member = ledger["duplicate_group"].map(
        dict(zip(ledger["duplicate_group"].to_numpy()[validation], validation, strict=True))
    )
    leaked_from = pd.Series(leaks, dtype=float).reindex(ledger.index).fillna(group_member)
    photos = external_leaks or {}
    photo_of_group = dict(zip(ledger["duplicate_group"].iloc[list(photos)], photos.values(), strict=True))
    source = pd.Series(photos, dtype=object).reindex(ledger.index).fillna(ledger["duplicate_group"].map(photo_of_group))
    inside = leaked_from.notna()
    source[inside] = image_id[leaked_from[inside].astype(int)]
    ledger["leaks_validation"] = source.notna() & ~chosen

    leaving = ledger["leaks_validation"] & (ledger["action"] != "drop")
    counterpart = source[leaving].to_numpy()
    ledger.loc[leaving, ["action", "rule", "decided_by"]] = ["drop", VALIDATION_LEAK.name, "rule"]
    ledger.loc[leaving, "final_label"] = -1
    ledger.loc[leaving, "threshold"] = np.nan
    ledger.loc[leaving, "counterpart"] = counterpart
    context = Context(class_names, thresholds={})
    ledger.loc[leaving, "reason"] = [VALIDATION_LEAK.reason(row, context) for row in ledger[leaving].itertuples()]

    ledger["split"] = np.select([chosen, ledger["action"] != "drop"], ["validation", "train"], default="none")
    rows = ledger.loc[chosen, ["final_label", "confirmed_by", "reason"]].itertuples(index=False, name=None)
    ledger.loc[chosen, "reason"] = [
        (f"confirmed by {by} for" if by else "chosen for") + f" the validation set as {class_names[label]}; {reason}"
        for label, by, reason in rows
    ]
    return ledger
