"""What was found, as frames and in words: the worst images of each kind, and estimates over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.estimates import wrong_label_probability, wrong_labels_left
from winnow.curation.rules import REVIEW, RULES, in_force, withheld
from winnow.curation.rules.image_fault import IMAGE_FAULT
from winnow.curation.rules.rule import Rule
from winnow.data.layouts.entries import NO_LABEL
from winnow.detect.outliers import OOD_SCORE

FAULT = "image_faults"
ODD = "odd"
_COLUMNS = ("image_id", "file_name", "given_label", "suggested_label", "action", "why", "reason")
_MOST = 0.5  # a fault that more of the images have is how they are, no finding


@dataclass(frozen=True)
class Kind:
    """Images with a fault in common.

    Attributes:
        name: of the rule that decided on them, `image_faults`, or `odd` for outliers that are kept.
        title: what they are called.
        meaning: what they have in common, in words.
        count: how many there are.
        decides: whether this is why they are dropped or relabelled.
        worst: a row per image, the worst first: `image_id`, `file_name`, `given_label` and `suggested_label` (names of
            classes), `action`, `why` (a few words on this image) and `reason` (all of it, from the ledger).
    """

    name: str
    title: str
    meaning: str
    count: int
    worst: pd.DataFrame
    decides: bool = True

    @property
    def headline(self) -> str:
        """How many there are of what."""
        return f"{self.count:,} {self.title.removesuffix('s') if self.count == 1 else self.title}"


def found_kinds(
    ledger: pd.DataFrame,
    faults: pd.DataFrame,
    *,
    class_names: Sequence[str],
    thresholds: Mapping[str, Any],
    top: int,
    rules: Sequence[Rule] = RULES,
) -> list[Kind]:
    """The worst images that each rule decided on, and of those whose picture has a fault, which need not be dropped.

    Args:
        ledger: a row per image, as `select_validation` writes it.
        faults: a row per image: `image_id`, `image_faults` (comma-separated) and `<fault>_score` in [0, 1], lower is
            worse.
        class_names: K names, in label order.
        thresholds: of `curate`, by name.
        top: how many of each kind to list.
        rules: in the order in which they win.

    Returns:
        A kind per rule that looks for faults, label issues first, then the others as they win; those without an image
        too, but for rules that are off or withheld. An image is of one kind, but for picture faults, which are counted
        beside.
    """
    names = np.array([*class_names, ""], dtype=object)  # -1, where images have no labels, is the last
    shown = ledger.assign(
        given_label=names[ledger["label"].to_numpy()],
        suggested_label=names[ledger["suggested_label"].to_numpy()],
        stays=ledger["counterpart"].map(ledger.set_index("image_id")["file_name"]).fillna(ledger["counterpart"]),
    )
    looking = [
        rule
        for rule in rules
        if rule.takes_images
        and rule.name not in (REVIEW.name, IMAGE_FAULT.name)
        and rule.is_on(in_force(thresholds, rules))
        and not withheld(ledger, thresholds, [rule])
    ]
    looking.sort(key=lambda rule: rule.target is None or rule.target.truth != "true_label")
    kinds = [*(_decided_by(rule, shown, top) for rule in looking), _with_picture_faults(shown, faults, top)]
    return kinds if len(class_names) else [*kinds, _odd(shown, top)]


def _decided_by(rule: Rule, shown: pd.DataFrame, top: int) -> Kind:
    rows = shown[shown["rule"] == rule.name]
    rows = rows.assign(badness=_badness(rows, rule), why=_why(rows, rule))
    worst = rows.sort_values(["badness", "image_id"], ascending=[False, True])[list(_COLUMNS)].head(top)
    return Kind(rule.name, rule.title, rule.meaning, len(rows), worst.reset_index(drop=True))


def _badness(rows: pd.DataFrame, rule: Rule) -> np.ndarray:
    """(N,) higher is worse: by the rule's first score; of copies, those whose labels differ, then the closest."""
    if rule.cuts:
        score = rule.cuts[0].score
        return score.badness(rows[score.name].to_numpy())
    if rule.compares:
        closeness: np.ndarray = (
            rows["label_conflict"].to_numpy() * 2 + rows["duplicate_similarity"].fillna(0).to_numpy()
        )
        return closeness
    return np.zeros(len(rows))


def _why(rows: pd.DataFrame, rule: Rule) -> list[str]:
    """The scores that the rule cuts, or the image that stays in place of a copy."""
    if not rule.cuts:
        return [
            f"copy of {name}" if name else reason for name, reason in zip(rows["stays"], rows["reason"], strict=True)
        ]
    scores = [cut.score for cut in rule.cuts]
    values = rows[[score.name for score in scores]].to_numpy()
    return [
        ", ".join(f"{score.caption} {value:.2f}" for score, value in zip(scores, row, strict=True)) for row in values
    ]


def _with_picture_faults(shown: pd.DataFrame, faults: pd.DataFrame, top: int) -> Kind:
    found = faults.set_index("image_id")["image_faults"].str.split(",").explode()
    found = found[found != ""]
    common = found.value_counts()
    common = common[common > _MOST * len(faults)]
    found = found[~found.isin(common.index)]
    by_image = found.str.replace("_", " ").groupby(level=0).agg(", ".join)
    scores = faults.set_index("image_id").loc[by_image.index, [f"{name}_score" for name in found.unique()]]
    order = scores.min(axis=1).sort_index().sort_values(kind="stable").index
    rows = shown.set_index("image_id").loc[order[:top]].reset_index()
    worst = rows.assign(why=by_image.reindex(rows["image_id"]).to_numpy())[list(_COLUMNS)]
    meaning = "dark, blurry and so on; they drop nothing unless curate.drop_image_faults names them"
    if len(common):
        shares = ", ".join(f"{str(name).replace('_', ' ')} ({count:,})" for name, count in common.items())
        meaning += f"; not counted, as most images have it: {shares}"
    drops = bool((shown["rule"] == IMAGE_FAULT.name).any())
    return Kind(FAULT, "picture faults", meaning, len(by_image), worst, decides=drops)


def _odd(shown: pd.DataFrame, top: int) -> Kind:
    """Outliers among images without labels."""
    rows = shown[shown["is_ood"] & (shown["action"] != "drop")]
    why = [f"{OOD_SCORE.caption} {value:.2f}" for value in rows[OOD_SCORE.name]]
    worst = rows.assign(why=why).sort_values([OOD_SCORE.name, "image_id"], ascending=[False, True])
    worst = worst[list(_COLUMNS)].head(top).reset_index(drop=True)
    return Kind(ODD, "odd images", "unlike the others", len(rows), worst, decides=False)


@dataclass(frozen=True)
class Estimates:
    """Figures over all images.

    Attributes:
        images: that were read.
        kept, relabelled, dropped: decisions; together `images`.
        wrong_before: expected number of wrong labels among `images`, images of no class included.
        wrong_after: the same among those kept and relabelled.
        withheld: why labels are not judged at all, in sentences; empty where they are.
        labelled: whether images have labels.
    """

    images: int
    kept: int
    relabelled: int
    dropped: int
    wrong_before: float
    wrong_after: float
    withheld: tuple[str, ...] = ()
    labelled: bool = True

    @property
    def sentences(self) -> list[str]:
        """They in words."""
        left = self.images - self.dropped
        wrong = (
            f"About {self.wrong_before:,.0f} of {self.images:,} labels ({self.wrong_before / self.images:.0%}) are "
            f"probably wrong; after the cleaning about {self.wrong_after:,.0f} of {left:,} "
            f"({self.wrong_after / max(left, 1):.0%}). Both are estimates: `dvc repro` measures."
        )
        relabelled = f"{self.relabelled:,} relabelled, " if self.labelled else ""
        counts = f"{self.kept:,} images are kept, {relabelled}{self.dropped:,} dropped."
        return [*(self.withheld or [wrong]), counts]


def estimates(ledger: pd.DataFrame, *, thresholds: Mapping[str, Any]) -> Estimates:
    """Count the decisions of a ledger and add up its probabilities; `thresholds` are those of `curate`, by name."""
    counts = ledger["action"].value_counts()
    return Estimates(
        images=len(ledger),
        kept=int(counts.get("keep", 0)),
        relabelled=int(counts.get("relabel", 0)),
        dropped=int(counts.get("drop", 0)),
        wrong_before=float(wrong_label_probability(ledger).sum()),
        wrong_after=float(wrong_labels_left(ledger).sum()),
        withheld=tuple(withheld(ledger, thresholds)),
        labelled=bool((ledger["label"] != NO_LABEL).any()),
    )
