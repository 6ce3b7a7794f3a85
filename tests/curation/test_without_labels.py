"""Images without labels: copies go, odd ones stay, nothing is said of labels, and there is no validation set."""

import numpy as np
import pandas as pd
import pytest

from curation_data import THRESHOLDS
from winnow.curation.decide import decide
from winnow.curation.decisions import curate_metrics
from winnow.curation.review import no_review
from winnow.curation.rules import withheld
from winnow.curation.validation_set import make_validation_set
from winnow.detect.labels.label_issues import score_labels
from winnow.detect.labels.noise_report import report_on_labels
from winnow.detect.outliers.ood import score_ood
from winnow.detect.signals import Evidence
from winnow.errors import NO_LABELS, WinnowError, require_labels
from winnow.learn.probe import crossval_pred_probs
from winnow.review.queue import rank_for_review
from winnow.review.whatif import WhatIf
from winnow.scan.findings import estimates, found_kinds

COUNT = 200
FOLD = np.arange(COUNT) % 5
ODD = np.arange(180, 200)


@pytest.fixture
def features():
    drawn = np.random.default_rng(0).normal(size=(COUNT, 8)) * 0.1 + np.eye(8)[0]
    drawn[ODD] = np.random.default_rng(1).normal(size=(len(ODD), 8)) * 0.1 - np.eye(8)[3]
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def scores(features):
    """Image 1 is a copy of image 0; the last twenty are unlike all others."""
    labels = np.full(COUNT, -1)
    probe = crossval_pred_probs(features, labels, [FOLD], num_classes=0, l2_candidates=[0.1, 1.0])
    evidence = Evidence.among({"features": features, "pred_probs": probe.pred_probs}, labels=labels)
    assert evidence.labels is None and evidence.pred_probs is None
    assert probe.metrics(labels) == {"images": COUNT, "skipped": NO_LABELS} and NO_LABELS in probe.summary
    label_scores = score_labels(evidence, fold=FOLD, l2=probe.l2, neighbours=5)
    assert report_on_labels(evidence, label_scores, class_names=[]).metrics["skipped"] == NO_LABELS
    odd = score_ood(evidence, fold=FOLD, l2=probe.l2, options={"trim": 0.2, "neighbours": 5})
    assert "unlike the others" in odd.summary
    group = np.arange(COUNT)
    group[1] = 0
    known = pd.DataFrame(
        {
            "image_id": [f"img_{i:03d}" for i in range(COUNT)],
            "file_name": [f"{i:02d}.jpg" for i in range(COUNT)],
            "label": labels,
            "duplicate_group": group,
            "exact_group": group,
            "duplicate_similarity": np.nan,
            "duplicate_kind": "",
            "label_conflict": False,
            "image_faults": "",
        }
    )
    return pd.concat([known, label_scores.frame, odd.frame], axis=1)


def test_copies_go_odd_images_stay_and_labels_are_not_judged(scores):
    decisions = decide(scores, class_names=[], thresholds=THRESHOLDS, review=no_review())
    assert decisions.set_index("image_id")["action"].eq("drop").pipe(lambda rows: list(rows[rows].index)) == ["img_001"]
    assert (decisions["final_label"] == -1).all() and scores["is_ood"][ODD].mean() > 0.8
    assert scores["label_quality_score"].isna().all() and not scores["is_label_issue"].any()
    assert "nothing speaks against the image" in decisions["reason"][7]
    assert decisions["reason"][1].endswith("which was chosen for the group and stays")
    assert curate_metrics(decisions, class_names=[])["remaining"] == {}
    assert any("no labels" in sentence for sentence in withheld(decisions, THRESHOLDS))


def test_what_was_found_names_no_labels_and_lists_odd_images_as_kept(scores):
    decisions = decide(scores, class_names=[], thresholds=THRESHOLDS, review=no_review())
    faults = pd.DataFrame({"image_id": decisions["image_id"], "image_faults": ""})
    kinds = {kind.name: kind for kind in found_kinds(decisions, faults, class_names=[], thresholds=THRESHOLDS, top=3)}
    assert "label_issue" not in kinds and "ood" not in kinds
    assert kinds["exact_duplicate"].count == 1
    assert (
        set(kinds["odd"].worst["image_id"]) <= {f"img_{i}" for i in ODD}
        and set(kinds["odd"].worst["action"]) == {"keep"}
        and kinds["odd"].count >= 16
    )
    sentences = estimates(decisions, thresholds=THRESHOLDS).sentences
    assert not any("probably wrong" in sentence for sentence in sentences)
    assert sentences[-1] == f"{COUNT - 1} images are kept, 1 dropped."


def test_there_is_no_validation_set_and_all_that_stays_is_in_one_part(scores, features):
    decisions = decide(scores, class_names=[], thresholds=THRESHOLDS, review=no_review())
    made = make_validation_set(
        decisions,
        features,
        np.array([b"x"] * COUNT, dtype=object),
        pd.DataFrame(),
        no_review(),
        class_names=[],
        per_class=1,
        max_total=10,
        min_label_quality=0.5,
        max_ood_score=0.5,
        seed=0,
    )
    assert made.metrics == {"images": 0, "skipped": NO_LABELS}
    assert made.ledger["split"].value_counts().to_dict() == {"train": COUNT - 1, "none": 1}
    assert all(len(packed) == 0 for packed in made.sets.values())


def test_a_what_if_and_the_queue_of_the_review_app_do_without_labels(scores):
    decisions = decide(scores, class_names=[], thresholds=THRESHOLDS, review=no_review())
    ledger = decisions.assign(split=np.where(decisions["action"] == "drop", "none", "train"))
    asked = WhatIf(ledger, class_names=[], thresholds=THRESHOLDS, truth=None)
    found = asked({**THRESHOLDS, "ood_threshold": 0.1}, review=no_review())
    assert found["changed"] == 0 and found["after"]["per_class"] == {"keep": [], "relabel": [], "drop": []}
    assert found["after"]["actions"] == {"keep": COUNT - 1, "relabel": 0, "drop": 1}
    ranked = rank_for_review(ledger, THRESHOLDS)
    assert ranked["priority"].between(0, 1).all()


def test_nothing_can_be_trained_without_labels_and_it_is_said_so():
    require_labels(2)
    with pytest.raises(WinnowError, match="have no labels, so nothing can be trained"):
        require_labels(0)
