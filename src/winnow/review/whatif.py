"""What other thresholds would do, from the stored scores and by the pipeline's own rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.decide import decide_reviewed, with_review
from winnow.curation.review import ACTIONS
from winnow.curation.rules import RULES, findings
from winnow.curation.rules.rule import Rule, Thresholds
from winnow.evaluation.truth import faulty_images
from winnow.review.thresholds import is_saved

_MOST_SHOWN = 500


@dataclass(frozen=True)
class _Decided:
    action: np.ndarray  # (N,) positions in ACTIONS
    final_label: np.ndarray  # (N,)
    rule: pd.Series  # (N,) strings
    summary: dict[str, Any]

    def of(self, row: int) -> tuple[str, int]:
        """Action and final label of an image."""
        return ACTIONS[self.action[row]], int(self.final_label[row])


class WhatIf:
    """Decides anew for any thresholds and compares with the thresholds that stand in params.yaml."""

    def __init__(
        self,
        ledger: pd.DataFrame,
        *,
        class_names: list[str],
        thresholds: Thresholds,
        truth: pd.DataFrame | None,
        rules: Sequence[Rule] = RULES,
    ) -> None:
        """Args: the ledger; K names; the thresholds in force; the truth file's content or None; the rules."""
        self._scores, self._class_names, self._rules = ledger, class_names, rules
        self._thresholds = thresholds
        # Most questions have the same verdicts, and compare with the same thresholds.
        self._reviewed: tuple[pd.DataFrame, pd.DataFrame] | None = None
        self._last: tuple[Thresholds, pd.DataFrame, _Decided] | None = None
        self._truth = None if truth is None else truth.set_index("image_id").reindex(ledger["image_id"])

    def __call__(
        self, thresholds: Thresholds, *, review: pd.DataFrame, before: Thresholds | None = None
    ) -> dict[str, Any]:
        """Compare `thresholds` with those `before` (those in force, if not given).

        Args:
            thresholds: what is asked for.
            review: what people decided, as `read_review` returns it; it beats both.
            before: what to compare with.

        Returns:
            JSON values: `before` and `after`, each with `actions` (counts), `per_class` (K of kept or relabelled
            images by final label, and dropped ones by given label), `rules` and, where there is a truth, `truth`;
            `changed` (how many images), `transitions` (counts by from, to) and `rows` (up to 500 of them, spread
            over the dataset: position in the ledger, action and label before, action, label and rule after).
        """
        old = self._before(before or self._thresholds, review)
        new = self._decide(thresholds, review)
        changed = (old.action != new.action) | (old.final_label != new.final_label)
        rows = np.flatnonzero(changed)
        pairs, counts = np.unique(len(ACTIONS) * old.action[rows] + new.action[rows], return_counts=True)
        shown = rows[:: max(1, -(-len(rows) // _MOST_SHOWN))]  # spread over the dataset
        return {
            "thresholds": dict(thresholds),
            "before": old.summary,
            "after": new.summary,
            "changed": len(rows),
            "transitions": {
                f"{ACTIONS[pair // len(ACTIONS)]}>{ACTIONS[pair % len(ACTIONS)]}": int(n)
                for pair, n in zip(pairs, counts, strict=True)
            },
            "rows": [[int(row), *old.of(row), *new.of(row), str(new.rule.iat[row])] for row in shown],
        }

    def _before(self, thresholds: Thresholds, review: pd.DataFrame) -> "_Decided":
        reviewed = self._with_review(review)
        if self._last is None or self._last[0] != thresholds or self._last[1] is not reviewed:
            self._last = (thresholds, reviewed, self._decide(thresholds, review))
        return self._last[2]

    def _with_review(self, review: pd.DataFrame) -> pd.DataFrame:
        if self._reviewed is None or not self._reviewed[0].equals(review):
            self._reviewed = review, with_review(self._scores, review)
        return self._reviewed[1]

    def _decide(self, thresholds: Thresholds, review: pd.DataFrame) -> "_Decided":
        names = self._class_names
        frame = decide_reviewed(
            self._with_review(review),
            class_names=names,
            thresholds=thresholds,
            with_reasons=False,
            rules=self._rules,
        )
        action = np.select([(frame["action"] == name).to_numpy() for name in ACTIONS], range(len(ACTIONS)))
        final_label = frame["final_label"].to_numpy()
        return _Decided(action, final_label, frame["rule"], self._summary(frame, action))

    def _summary(self, decided: pd.DataFrame, action: np.ndarray) -> dict[str, Any]:
        label, final = decided["label"].to_numpy(), decided["final_label"].to_numpy()
        of_class = ((label if name == "drop" else final)[action == code] for code, name in enumerate(ACTIONS))
        per_class = [np.bincount(labels[labels >= 0], minlength=len(self._class_names)) for labels in of_class]
        return {
            "actions": {name: int((action == code).sum()) for code, name in enumerate(ACTIONS)},
            "rules": {str(name): int(n) for name, n in decided["rule"].value_counts().sort_index().items()},
            "per_class": {name: counts.tolist() for name, counts in zip(ACTIONS, per_class, strict=True)},
            "truth": None if self._truth is None else self._against_truth(self._truth, decided, action),
        }

    def _against_truth(self, truth: pd.DataFrame, decided: pd.DataFrame, action: np.ndarray) -> dict[str, Any]:
        """Precision and recall of the flags, and how many labels of what stays are right; None where undefined."""
        label = decided["label"].to_numpy()
        card: dict[str, Any] = {}
        for finding in findings(self._rules):
            if judged := faulty_images(truth, label, finding.target.truth):
                known, faulty = judged
                card[finding.target.key] = _rates(decided[finding.flag].to_numpy()[known], faulty[known])
        if judged := faulty_images(truth, decided["final_label"].to_numpy(), "true_label"):
            known, wrong = judged
            stays, relabelled = known & (action != ACTIONS.index("drop")), known & (action == ACTIONS.index("relabel"))
            card["labels_right"] = _share(~wrong & stays, stays)
            card["relabels_right"] = _share(~wrong & relabelled, relabelled)
        return card


def _rates(flagged: np.ndarray, true: np.ndarray) -> dict[str, float | None]:
    hits, both = int((flagged & true).sum()), int(flagged.sum() + true.sum())
    return {
        "precision": _share(flagged & true, flagged),
        "recall": _share(flagged & true, true),
        "f1": round(2 * hits / both, 6) if both else None,
    }


def _share(part: np.ndarray, whole: np.ndarray) -> float | None:
    return round(float(part.sum() / whole.sum()), 6) if whole.any() else None


def dvc_command(thresholds: Thresholds, *, before: Thresholds) -> str:
    """The line that tries `thresholds` as an experiment; those that did not change or are no params are left out."""
    changed = {key: value for key, value in thresholds.items() if is_saved(key) and value != before[key]}
    return " ".join(["dvc exp run", *(f"-S curate.{key}={_yaml(value)}" for key, value in changed.items())])


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
