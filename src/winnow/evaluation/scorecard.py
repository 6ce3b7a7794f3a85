"""The scorecard: every detector and every decision against the truth file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.metrics import average_precision_score, roc_auc_score

from winnow import tables
from winnow.curation.rules import LABEL_ISSUE, RULES, findings
from winnow.curation.rules.rule import Finding, Rule
from winnow.detect.outliers import DETECTORS
from winnow.detect.signals import Detector
from winnow.errors import WinnowError
from winnow.evaluation.truth import faulty_images


def scorecard(
    ledger: pd.DataFrame,
    truth: pd.DataFrame | None,
    rules: Sequence[Rule] = RULES,
    detectors: Sequence[Detector] = DETECTORS,
) -> dict[str, Any]:
    """Compare the ledger with the truth, over the images that the truth file names.

    Detectors are judged by what they flagged, whichever rule decided in the end: a mislabelled image that was dropped
    as a duplicate is still a label issue that was found.

    Args:
        ledger: a row per image with `image_id`, `label` (as given), `final_label`, `action`, `split`,
            `duplicate_group` (int), and the flags and scores of the rules that look for what the truth knows.
        truth: `image_id` and any of `true_label`, `is_ood`, `duplicate_of`, as `read_truth` returns them; None if
            there is no truth.
        rules: those with a target are judged, under its key.
        detectors: of images of no class, judged one by one.

    Returns:
        empty without a truth; else flat, with dotted names; the parts whose column the truth lacks are absent, and so
        is every rate whose denominator is zero (no image flagged, one class alone). All rates lie in [0, 1], higher is
        better:

        - `images`, `images_in_truth`: how many the ledger has, and how many of those the truth names;
        - `label_errors.*` (needs true_label): an error is an image whose given label is not the true one, among images
          with a true label that are not known to be out of distribution. `images`, `true_positives`,
          `false_positives`, `false_negatives`, `precision`, `recall`, `f1` of the flag; `average_precision`, `auroc`
          of the score that the rule cuts;
        - `label_errors.relabelled`, `.relabel_accuracy`: of the same images, how many were relabelled, and the share
          of them whose final label is the true one;
        - `label_errors.label_accuracy_before`, over all of the same images, of the given labels;
          `.images_in_training` and `.label_accuracy_after`, over those that stay in training, of the final labels;
        - `ood.*` (needs is_ood), over images for which it is known: as for label errors, of flag and score;
        - `duplicates.*` (needs duplicate_of), over pairs of images: a true pair is linked by duplicate_of, directly or
          through others; a found pair shares a duplicate_group;
        - `detectors.<name>.*` (needs is_ood), over the same images as `ood.*`: `average_precision` and `auroc` of each
          detector of images of no class by itself, of those that scored every image.

    Raises:
        WinnowError: if the truth names no image of the ledger.
    """
    if truth is None:
        return {}
    ledger = ledger.reset_index(drop=True)
    in_ledger = truth["image_id"].isin(ledger["image_id"]).to_numpy()
    if not in_ledger.any():
        raise WinnowError(
            f"the truth file names no image of the dataset: its ids look like {truth['image_id'].iloc[0]!r}, the "
            f"dataset's like {ledger['image_id'].iloc[0]!r}; correct data.truth in params.yaml."
            if len(truth)
            else "the truth file has no lines below its header; fill it in, or set data.truth to data/none."
        )
    judged = truth[in_ledger].reset_index(drop=True)
    rows = tables.align(judged["image_id"].to_numpy(), ledger["image_id"].to_numpy(), "the ledger")
    decided = ledger.iloc[rows].reset_index(drop=True)

    card: dict[str, Any] = {"images": len(ledger), "images_in_truth": len(judged)}
    labels = decided["label"].to_numpy()
    for finding in findings(rules):
        key, column = finding.target.key, finding.target.truth
        if column == "duplicate_of" and column in truth:
            card[key] = _duplicates(decided["duplicate_group"].to_numpy(), _true_groups(truth)[in_ledger])
        elif found := faulty_images(judged, labels, column):
            known, faulty = found
            card[key] = _found(decided[known], faulty[known], finding)
            if finding.flag == LABEL_ISSUE.flag:
                card[key] |= _labels(decided[known], judged["true_label"][known].to_numpy(dtype=np.int64))
    if found := faulty_images(judged, labels, "is_ood"):
        known, faulty = found
        card["detectors"] = {
            detector.name: _ranking(faulty[known], detector.score.badness(decided[detector.name].to_numpy()[known]))
            for detector in detectors
            if detector.name in decided and decided[detector.name].notna().all()
        }
    return tables.records(card)


def _found(decided: pd.DataFrame, faulty: np.ndarray, finding: Finding) -> dict[str, Any]:
    """How well a rule's flag finds the fault, and how well its score ranks it."""
    figures = {"images": len(decided), **_flags(faulty, decided[finding.flag].to_numpy(dtype=bool))}
    if finding.score is None:
        return figures
    return figures | _ranking(faulty, finding.score.badness(decided[finding.score.name].to_numpy()))


def _labels(decided: pd.DataFrame, true_label: np.ndarray) -> dict[str, Any]:
    """How right the labels are, as given and as decided."""
    right_before = decided["label"].to_numpy() == true_label
    right_after = decided["final_label"].to_numpy() == true_label
    relabelled = decided["action"].eq("relabel").to_numpy()
    stays = decided["split"].eq("train").to_numpy()
    return {
        "relabelled": int(relabelled.sum()),
        **_rate("relabel_accuracy", right_after[relabelled].sum(), relabelled.sum()),
        **_rate("label_accuracy_before", right_before.sum(), len(decided)),
        "images_in_training": int(stays.sum()),
        **_rate("label_accuracy_after", right_after[stays].sum(), stays.sum()),
    }


def _true_groups(truth: pd.DataFrame) -> np.ndarray:
    """(T,) group number of each row of the truth: images that duplicate_of links, however many steps apart."""
    linked = truth["duplicate_of"].ne("").to_numpy()
    codes, _ = pd.factorize(pd.concat([truth["image_id"], truth["duplicate_of"][linked]]))
    copy, original = np.arange(len(truth))[linked], codes[len(truth) :]
    links = sparse.coo_array((np.ones(len(copy)), (copy, original)), shape=(codes.max() + 1,) * 2)
    groups: np.ndarray = sparse.csgraph.connected_components(links, directed=False)[1]
    return groups[: len(truth)]


def _duplicates(found_group: np.ndarray, true_group: np.ndarray) -> dict[str, Any]:
    groups = pd.DataFrame({"found": found_group, "true": true_group})
    both, found, true = (_pairs(groups, columns) for columns in (["found", "true"], ["found"], ["true"]))
    return {"images": len(groups), **_counts(both, found - both, true - both)}


def _pairs(groups: pd.DataFrame, columns: list[str]) -> int:
    sizes = groups.groupby(columns).size().to_numpy()
    return int((sizes * (sizes - 1) // 2).sum())


def _flags(truth: np.ndarray, flagged: np.ndarray) -> dict[str, Any]:
    return _counts(int((truth & flagged).sum()), int((~truth & flagged).sum()), int((truth & ~flagged).sum()))


def _counts(true_positives: int, false_positives: int, false_negatives: int) -> dict[str, Any]:
    return {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        **_rate("precision", true_positives, true_positives + false_positives),
        **_rate("recall", true_positives, true_positives + false_negatives),
        **_rate("f1", 2 * true_positives, 2 * true_positives + false_positives + false_negatives),
    }


def _ranking(truth: np.ndarray, score: np.ndarray) -> dict[str, float]:
    if truth.all() or not truth.any():
        return {}
    return {
        "average_precision": float(average_precision_score(truth, score)),
        "auroc": float(roc_auc_score(truth, score)),
    }


def _rate(name: str, part: int, whole: int) -> dict[str, float]:
    return {name: float(part / whole)} if whole else {}
