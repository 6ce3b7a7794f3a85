"""The worst images of each kind, and estimates over all, on a ledger worked by hand."""

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from curation_data import THRESHOLDS
from winnow.curation.decide import decide
from winnow.curation.estimates import wrong_label_probability, wrong_labels_left
from winnow.curation.review import no_review
from winnow.scan.findings import estimates, found_kinds
from winnow.scan.words import found_tables

NAMES = ["cat", "dog"]
NEVER_WITHHELD = THRESHOLDS | {"max_wrong_labels": 1.0}


@pytest.fixture
def ledger():
    """Eight cats: 0 and 1 are dogs, 2 and 3 outliers, 4 and 5 one photograph, 6 and 7 clean."""
    count = 8
    scores = pd.DataFrame(
        {
            "image_id": [f"img_{i}" for i in range(count)],
            "file_name": [f"cat/{i}.jpg" for i in range(count)],
            "label": 0,
            "label_quality_score": [0.2, 0.1, 0.9, 0.9, 0.8, 0.9, 1.0, 1.0],
            "suggested_label": [1, 1, *[0] * 6],
            "suggested_confidence": [0.6, 0.9, *[0.9] * 6],
            "agreeing_sources": 2,
            "sources": 2,
            "ood_score": [0, 0, 0.7, 0.9, 0, 0, 0, 0],
            "ood_detectors": [0, 0, 2, 2, 0, 0, 0, 0],
            "duplicate_group": [0, 1, 2, 3, 4, 4, 6, 7],
            "exact_group": range(count),
            "duplicate_similarity": [np.nan] * 4 + [np.nan, 0.97] + [np.nan] * 2,
            "label_conflict": False,
            "image_faults": "",
        }
    )
    return decide(scores, class_names=NAMES, thresholds=THRESHOLDS, review=no_review())


@pytest.fixture
def faults(ledger):
    """All are grey; 6 and 7 dark too, 7 more so."""
    frame = pd.DataFrame({"image_id": ledger["image_id"], "image_faults": "grayscale", "grayscale_score": 0.0})
    frame["dark_score"] = [1.0] * 6 + [0.3, 0.1]
    frame.loc[6:, "image_faults"] = "dark,grayscale"
    return frame


def test_the_worst_of_each_kind_come_first(ledger, faults):
    kinds = {
        kind.name: kind for kind in found_kinds(ledger, faults, class_names=NAMES, thresholds=NEVER_WITHHELD, top=10)
    }
    assert list(kinds) == ["label_issue", "exact_duplicate", "near_duplicate", "ood", "image_faults"]
    labels = kinds["label_issue"].worst
    assert labels["file_name"].tolist() == ["cat/1.jpg", "cat/0.jpg"]
    assert labels["action"].tolist() == ["relabel", "drop"] and set(labels["suggested_label"]) == {"dog"}
    assert labels["why"][0] == "quality 0.10, confidence 0.90"
    assert kinds["ood"].worst["image_id"].tolist() == ["img_3", "img_2"]
    assert kinds["near_duplicate"].worst["why"].tolist() == ["copy of cat/5.jpg"]
    assert kinds["exact_duplicate"].count == 0
    assert kinds["image_faults"].worst["image_id"].tolist() == ["img_7", "img_6"]
    assert kinds["image_faults"].worst["why"].tolist() == ["dark", "dark"]
    assert "most images have it: grayscale (8)" in kinds["image_faults"].meaning


def test_the_list_is_cut_but_the_count_is_not(ledger, faults):
    kinds = {
        kind.name: kind for kind in found_kinds(ledger, faults, class_names=NAMES, thresholds=NEVER_WITHHELD, top=1)
    }
    assert (kinds["label_issue"].count, len(kinds["label_issue"].worst)) == (2, 1)


def test_no_fault_is_found_where_there_is_none(ledger, faults):
    clean = faults.assign(image_faults="")
    kinds = {
        kind.name: kind for kind in found_kinds(ledger, clean, class_names=NAMES, thresholds=NEVER_WITHHELD, top=3)
    }
    assert kinds["image_faults"].count == 0 and kinds["image_faults"].worst.empty


def test_what_is_printed_fits_the_terminal_and_names_every_kind(ledger, faults):
    console = Console(width=80, record=True)
    for part in found_tables(found_kinds(ledger, faults, class_names=NAMES, thresholds=NEVER_WITHHELD, top=2)):
        console.print(part)
    text = console.export_text()
    assert "2 label issues" in text and "None found: exact duplicates." in text
    assert max(map(len, text.splitlines())) <= 80


def test_estimates_add_up_the_probabilities(ledger):
    # quality 0.2 0.1 0.9 0.9 0.8 0.9 1 1: wrong before 0.8 + 0.9 + 0.1 + 0.1 + 0.2 + 0.1
    # left: 1 as a dog of confidence 0.9, 5, 6 and 7: wrong after 0.1 + 0.1
    assert wrong_label_probability(ledger).sum() == pytest.approx(2.2)
    assert wrong_labels_left(ledger).sum() == pytest.approx(0.2)
    found = estimates(ledger, thresholds=NEVER_WITHHELD)
    assert (found.images, found.kept, found.relabelled, found.dropped) == (8, 3, 1, 4)
    assert "About 2 of 8 labels (28%)" in found.sentences[0]


def test_what_a_person_decided_counts_as_right(ledger):
    ledger.loc[1, "decided_by"] = "ada"
    assert wrong_labels_left(ledger).sum() == pytest.approx(0.1)


def test_where_labels_are_withheld_the_counts_are_told_and_no_estimate(ledger):
    found = estimates(ledger, thresholds={"max_wrong_labels": 0.1})
    assert [sentence.partition(":")[0] for sentence in found.sentences[:1]] == ["Label issues are withheld"]
    assert len(found.sentences) == 2 and f"{found.kept:,} images are kept" in found.sentences[1]


def test_a_kind_that_is_withheld_is_not_called_found_or_not_found(ledger, faults):
    kinds = found_kinds(ledger, faults, class_names=NAMES, thresholds=THRESHOLDS | {"max_wrong_labels": 0.1}, top=1)
    assert "label_issue" not in [kind.name for kind in kinds] and len(kinds) > 1


@pytest.mark.parametrize("near", [True, False])
def test_a_kind_whose_rule_is_off_is_not_called_found_or_not_found(ledger, faults, near):
    thresholds = NEVER_WITHHELD | {"drop_near_duplicates": near}
    names = [kind.name for kind in found_kinds(ledger, faults, class_names=NAMES, thresholds=thresholds, top=1)]
    assert ("near_duplicate" in names) == near and "exact_duplicate" in names
