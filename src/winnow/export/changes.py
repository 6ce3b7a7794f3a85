"""What becomes of every file of a dataset: the ledger's decisions, and the files that could not be read."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from winnow.curation.estimates import final_label_probability
from winnow.curation.rules import RULES, with_others
from winnow.curation.rules.rule import Rule

COLUMNS = ("file", "given_label", "new_label", "action", "rule", "reason", "confidence", "decided_by", "split")
REJECT = "reject"


def file_table(
    ledger: pd.DataFrame,
    rejected: pd.DataFrame,
    *,
    class_names: Sequence[str],
    rejected_labels: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """A row per file of the dataset.

    Args:
        ledger: a row per image that was read.
        rejected: a row per image that was not: `file_name` ("" for a label without a file), `image_id`, `reason`,
            `detail`.
        class_names: K names, in label order.
        rejected_labels: path to the name of its label, of files of `rejected` that have one.

    Returns:
        Sorted by file: `file` (path in the archive), `given_label` and `new_label` (names, "" for none), `action`
        (`keep`, `relabel`, `drop`, or `reject` for what could not be read), `rule` (of a rejected file why, in a word),
        `reason` (words), `confidence` in [0, 1] or NaN (see `confidence`), `decided_by`, `split`, and `bytes_sha256`
        ("" if rejected).
    """
    names = np.array([*class_names, ""], dtype=object)  # -1, dropped, is the last
    rows = pd.DataFrame(
        {
            "file": ledger["file_name"],
            "given_label": names[ledger["label"].to_numpy()],
            "new_label": names[ledger["final_label"].to_numpy()],
            "action": ledger["action"],
            "rule": ledger["rule"],
            "reason": ledger["reason"],
            "confidence": confidence(ledger),
            "decided_by": ledger["decided_by"],
            "split": ledger["split"],
            "bytes_sha256": ledger["bytes_sha256"],
        }
    )
    others = pd.DataFrame(
        {
            "file": rejected["file_name"].where(rejected["file_name"] != "", rejected["image_id"]),
            "given_label": [rejected_labels.get(file, "") for file in rejected["file_name"]],
            "new_label": "",
            "action": REJECT,
            "rule": rejected["reason"],
            "reason": rejected["detail"],
            "confidence": np.nan,
            "decided_by": "rule",
            "split": "none",
            "bytes_sha256": "",
        }
    )
    both = pd.concat([rows, others]) if len(others) else rows
    return both.sort_values("file", kind="stable").reset_index(drop=True)


def confidence(ledger: pd.DataFrame, rules: Sequence[Rule] = RULES) -> np.ndarray:
    """How sure each decision is.

    Args:
        ledger: a row per image, with the scores that rules cut.
        rules: those that may have decided.

    Returns:
        (N,) float64 in [0, 1], higher is surer: of a relabelled image the probability of its new label, of one that a
        rule dropped the score that the rule cuts, of a near copy its likeness to the image that stays, of an exact one
        1. NaN of images that are kept, and of what a person decided.
    """
    sure = np.full(len(ledger), np.nan)
    action, decided = ledger["action"].to_numpy(), ledger["rule"].to_numpy()
    for rule in with_others(rules, set(decided)):
        taken = (decided == rule.name) & (action == "drop")
        if rule.cuts and rule.cuts[0].score.bounded:
            score = rule.cuts[0].score
            values = ledger[score.name].to_numpy(dtype=np.float64)[taken]
            share = (values - score.low) / (score.high - score.low)
            sure[taken] = 1 - share if score.lower_is_worse else share
        elif rule.compares:
            alike = ledger["duplicate_similarity"].to_numpy(dtype=np.float64)[taken]
            same = (ledger["duplicate_kind"] == "exact").to_numpy()[taken]
            sure[taken] = np.where(same, 1.0, np.clip(alike, 0, 1))
    relabelled = action == "relabel"
    sure[relabelled] = final_label_probability(ledger)[relabelled]
    sure[(ledger["decided_by"] != "rule").to_numpy()] = np.nan
    return sure


def changed(files: pd.DataFrame) -> pd.DataFrame:
    """The rows of `file_table` that are not kept as they came, with COLUMNS, for changes.csv."""
    return files.loc[files["action"] != "keep", list(COLUMNS)].reset_index(drop=True)


def counts(files: pd.DataFrame) -> dict[str, int]:
    """How many files of `file_table` have each action; they add up to its rows."""
    found = files["action"].value_counts()
    return {action: int(found.get(action, 0)) for action in ("keep", "relabel", "drop", REJECT)}
