"""Recall, precision and ranking of the detectors on the planted faults: by fault, by kind and by class."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from winnow.selfcheck.result import COLUMNS, FIGURES


def report(decisions: pd.DataFrame, planted: pd.DataFrame, *, class_names: list[str]) -> pd.DataFrame:
    """Evaluate every detector on the images whose faults are known.

    Images that were flagged before are left out: whether they are faulty is not known. The others are the easy ones:
    precision, and recall of label flips and copies, are therefore upper bounds. Recall of foreign pictures holds for
    the kinds that are planted.

    Args:
        decisions: a row per image, as `rerun_detectors` returns them.
        planted: the same rows in the same order, as `plant_faults` returns them.
        class_names: K names.

    Returns:
        A row per fault and kind and per fault and class; `all` stands for every kind or class. `judged` images, of
        which `planted` have the fault; `found` are those that were flagged, `false_alarms` the rest of the flagged (a
        fault that was missed before may be among them).
        `recall`, `precision`, `auroc` and `average_precision` in [0, 1], higher is better, NaN where there is nothing
        to divide by. False alarms are of no kind, so `precision` is NaN in the rows of single kinds.

        - `label`, among originals: of `flagged_label_issue` and `label_quality_score`; classes are the true ones.
        - `ood`, among originals and foreign pictures: of `flagged_ood` and `ood_score`; classes are the given ones.
        - `duplicate`, over pairs among originals and copies: a planted pair is a copy and its source, found where they
          share a group; a false alarm is any other pair that does. No score, so no ranking.
    """
    known = planted.join(decisions[["duplicate_group", "flagged_label_issue", "flagged_ood", "ood_score"]])
    known["label_doubt"] = 1 - decisions["label_quality_score"]
    known = known[known["judged"]]
    originals = known[known["fault"].isin(["", "label"])]
    foreign = known[known["fault"].isin(["", "label", "ood"])]
    copies = known[known["fault"].isin(["", "label", "duplicate"])]
    rows = [
        *_rows("label", originals, "true_label", "flagged_label_issue", "label_doubt", class_names),
        *_rows("ood", foreign, "label", "flagged_ood", "ood_score", class_names),
        *_pair_rows(copies, class_names),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"false_alarms": "Int64"})


def flip_outcomes(decisions: pd.DataFrame, planted: pd.DataFrame) -> dict[str, int]:
    """Outcomes of the planted label flips: how many were relabelled rightly, relabelled wrongly, dropped, kept."""
    flipped = planted["fault"].eq("label").to_numpy()
    action, right = decisions["action"][flipped], decisions["final_label"][flipped] == planted["true_label"][flipped]
    return {
        "relabelled_rightly": int((action.eq("relabel") & right).sum()),
        "relabelled_wrongly": int((action.eq("relabel") & ~right).sum()),
        "dropped": int(action.eq("drop").sum()),
        "kept_with_the_wrong_label": int(action.eq("keep").sum()),
    }


def summary(table: pd.DataFrame) -> dict[str, Any]:
    """The rows over all classes as nested counts and rates; rates that are NaN are left out."""
    nested: dict[str, Any] = {}
    for row in table[table["class_name"] == "all"].to_dict("records"):
        figures = {name: row[name] for name in FIGURES if pd.notna(row[name])}
        if row["kind"] == "all":
            nested[row["fault"]] = figures
        else:
            nested[row["fault"]][row["kind"]] = {name: figures[name] for name in figures if name != "judged"}
    return nested


def _rows(
    fault: str, judged: pd.DataFrame, class_column: str, flag: str, score: str, class_names: list[str]
) -> list[dict[str, Any]]:
    has, kind = judged["fault"].eq(fault).to_numpy(), judged["kind"].to_numpy()
    flagged, value = judged[flag].to_numpy(dtype=bool), judged[score].to_numpy(dtype=np.float64)

    def row(chosen: np.ndarray, one_kind: bool = False) -> dict[str, Any]:
        planted, found = has & chosen, has & chosen & flagged
        false = (~has & chosen & flagged).sum()
        return {
            "judged": int(chosen.sum()),
            **_counts(int(planted.sum()), int(found.sum()), None if one_kind else int(false)),
            **_ranking(has[chosen], value[chosen]),
        }

    rows = [_named(row(np.ones(len(judged), dtype=bool)), fault)]
    rows += [_named(row(~has | (kind == name), True), fault, kind=name) for name in sorted(set(kind[has]))]
    own = judged[class_column].to_numpy()
    return rows + [_named(row(own == label), fault, class_name=name) for label, name in enumerate(class_names)]


def _pair_rows(judged: pd.DataFrame, class_names: list[str]) -> list[dict[str, Any]]:
    group_of = judged.set_index("image_id")["duplicate_group"]
    copy = judged[judged["fault"] == "duplicate"]
    together = copy["duplicate_group"].to_numpy() == group_of[copy["source"]].to_numpy()

    def row(images: pd.DataFrame, chosen: np.ndarray, one_kind: bool = False) -> dict[str, Any]:
        sizes = np.bincount(pd.factorize(images["duplicate_group"])[0])
        planted, found = int(chosen.sum()), int(together[chosen].sum())
        false = None if one_kind else int((sizes * (sizes - 1) // 2).sum()) - found
        return {"judged": len(images), **_counts(planted, found, false), "auroc": np.nan, "average_precision": np.nan}

    rows = [_named(row(judged, np.ones(len(copy), dtype=bool)), "duplicate")]
    kinds, labels = copy["kind"].to_numpy(), copy["true_label"].to_numpy()
    rows += [_named(row(judged, kinds == name, True), "duplicate", kind=name) for name in sorted(set(kinds))]
    return rows + [
        _named(row(judged[judged["true_label"] == label], labels == label), "duplicate", class_name=name)
        for label, name in enumerate(class_names)
    ]


def _named(figures: dict[str, Any], fault: str, *, kind: str = "all", class_name: str = "all") -> dict[str, Any]:
    return {"fault": fault, "kind": kind, "class_name": class_name, **figures}


def _counts(planted: int, found: int, false_alarms: int | None) -> dict[str, Any]:
    flagged = None if false_alarms is None else found + false_alarms
    return {
        "planted": planted,
        "found": found,
        "false_alarms": false_alarms,
        "recall": found / planted if planted else np.nan,
        "precision": found / flagged if flagged else np.nan,
    }


def _ranking(has: np.ndarray, score: np.ndarray) -> dict[str, float]:
    if has.all() or not has.any():
        return {"auroc": np.nan, "average_precision": np.nan}
    return {
        "auroc": float(roc_auc_score(has, score)),
        "average_precision": float(average_precision_score(has, score)),
    }
