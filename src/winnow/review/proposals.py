"""What the pipeline proposes, in groups that a person can judge at a glance."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.decide import decide
from winnow.curation.estimates import wrong_label_probability, wrong_labels_left
from winnow.curation.review import no_review
from winnow.curation.rules import RULES
from winnow.curation.rules.rule import Rule, Thresholds
from winnow.review.precision import precision

_DECISION = ["action", "final_label", "rule"]


def proposed(
    ledger: pd.DataFrame, *, class_names: list[str], thresholds: Thresholds, rules: Sequence[Rule] = RULES
) -> pd.DataFrame:
    """What the rules propose for every image, whatever people decided on it.

    Args:
        ledger: a row per image, as `select_validation` writes it.
        class_names: K names.
        thresholds: the value of each.
        rules: in the order in which they win.

    Returns:
        (N rows) `action`, `final_label`, `rule` and `certainty`: higher is more certain, comparable among proposals of
        the same group only.
    """
    frame = ledger[_DECISION].copy()
    by_person = (ledger["decided_by"] != "rule").to_numpy()
    if by_person.any():
        options: dict[str, Any] = {"class_names": class_names, "thresholds": thresholds, "rules": rules}
        alone = decide(ledger, review=no_review(), with_reasons=False, **options)
        frame.loc[by_person, _DECISION] = alone.loc[by_person, _DECISION].to_numpy()
        frame["final_label"] = frame["final_label"].astype(np.int64)
    certainty = ledger["suggested_confidence"].fillna(0).to_numpy(dtype=np.float64).copy()
    for rule in rules:
        dropped = ((frame["action"] == "drop") & (frame["rule"] == rule.name)).to_numpy()
        if rule.cuts:
            score = rule.cuts[0].score
            values = ledger[score.name].to_numpy(dtype=np.float64)[dropped]
            certainty[dropped] = np.nan_to_num(-values if score.lower_is_worse else values)
        elif rule.compares:
            certainty[dropped] = ledger["duplicate_similarity"].fillna(1).to_numpy()[dropped]
    return frame.assign(certainty=certainty)


def agreements(proposals: pd.DataFrame, verdicts: pd.DataFrame, image_id: np.ndarray) -> np.ndarray:
    """(N,) float64: 1 where a person's verdict is what was proposed, 0 where it is another, NaN where there is none.

    Args:
        proposals: as `proposed` returns them.
        verdicts: what people decided, as `read_review` returns it.
        image_id: (N,) ids of the proposals.
    """
    found = verdicts.set_index("image_id").reindex(image_id)
    action, label = found["action"].to_numpy(), found["label"].fillna(-1).to_numpy()
    same = (action == proposals["action"].to_numpy()) & (
        (action != "relabel") | (label == proposals["final_label"].to_numpy())
    )
    return np.where(found["action"].notna().to_numpy(), same.astype(np.float64), np.nan)


def grouped(
    ledger: pd.DataFrame,
    proposals: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    titles: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The proposals to relabel by (given, new) and those to drop by rule, the largest group first.

    Args:
        ledger: a row per image.
        proposals: as `proposed` returns them.
        verdicts: what people decided, as `read_review` returns it.
        titles: what each rule's images are called.

    Returns:
        Per group, JSON values: `key`, `action`, `given` and `new` (labels; -1 where images are dropped), `title` (of
        the rule; "" where images are relabelled), `rows` (positions in the ledger, the most certain first), `done`
        (those of them with a verdict) and the figures of `Precision`.
    """
    agrees = agreements(proposals, verdicts, ledger["image_id"].to_numpy())
    changes = proposals.assign(given=ledger["label"].to_numpy(), row=np.arange(len(ledger)))
    changes = changes[changes["action"] != "keep"].sort_values(["certainty", "row"], ascending=[False, True])
    relabels, drops = changes[changes["action"] == "relabel"], changes[changes["action"] == "drop"]
    groups = [
        {"key": f"relabel-{given}-{new}", "action": "relabel", "title": ""}
        | {"given": int(part["given"].iloc[0]), "new": int(part["final_label"].iloc[0])}
        | _figures(part["row"].to_numpy(), agrees)
        for (given, new), part in relabels.groupby(["given", "final_label"])
    ]
    groups += [
        {"key": f"drop-{rule}", "action": "drop", "given": -1, "new": -1, "title": titles.get(str(rule), str(rule))}
        | _figures(part["row"].to_numpy(), agrees)
        for rule, part in drops.groupby("rule")
    ]
    return sorted(groups, key=lambda group: (group["action"] == "drop", -len(group["rows"]), group["key"]))


def _figures(rows: np.ndarray, agrees: np.ndarray) -> dict[str, Any]:
    verdicts = agrees[rows]
    return {"rows": rows.tolist(), "done": rows[~np.isnan(verdicts)].tolist(), **asdict(precision(verdicts))}


def wrong_labels(ledger: pd.DataFrame, proposals: pd.DataFrame, verdicts: pd.DataFrame) -> dict[str, float]:
    """Expected numbers of wrong labels, as the probabilities of the ledger say.

    Args:
        ledger: a row per image.
        proposals: as `proposed` returns them.
        verdicts: what people decided, as `read_review` returns it.

    Returns:
        `given` (among all labels as they came), `proposed` (among those that stay if nobody looks) and `left` (the
        same, with the verdicts so far: a label that a person gave or confirmed counts as right).
    """
    scores = ["label_quality_score", "suggested_label", "suggested_confidence"]
    frame = ledger[scores].assign(
        action=proposals["action"].to_numpy(), final_label=proposals["final_label"].to_numpy(), decided_by="rule"
    )
    before = float(np.nansum(wrong_labels_left(frame)))
    found = verdicts.set_index("image_id").reindex(ledger["image_id"])
    decided = found["action"].notna().to_numpy()
    frame.loc[decided, "action"] = found["action"].to_numpy()[decided]
    frame.loc[decided, "decided_by"] = "person"
    return {
        "given": float(np.nansum(wrong_label_probability(ledger))),
        "proposed": before,
        "left": float(np.nansum(wrong_labels_left(frame))),
    }
