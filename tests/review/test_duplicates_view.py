"""Duplicate groups and leaks, as the review app shows them."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from winnow import tables
from winnow.curation.decide import decide
from winnow.params import load_params
from winnow.review.duplicates import duplicate_groups, test_leaks, validation_leaks
from winnow.review.server import create_app
from winnow.review.session import Session
from workspaces import CLASSES, write_workspace

test_leaks.__test__ = False
OWN = {"X-Winnow": "1"}


def ledger(**columns):
    frame = pd.DataFrame({"image_id": [f"img_{letter}" for letter in "abcdefg"]})
    defaults = {
        "label": 0,
        "action": "keep",
        "rule": "keep",
        "counterpart": "",
        "split": "train",
        "leaks_validation": False,
        "duplicate_group": np.arange(7),
        "exact_group": np.arange(7),
        "duplicate_similarity": np.nan,
        "width": 64,
        "height": 48,
        "file_name": "a.jpg",
        "reason": "nothing speaks against it",
    }
    return frame.assign(**(defaults | columns))


def test_a_group_begins_with_the_image_that_was_chosen_whatever_became_of_it():
    frame = ledger(
        duplicate_group=[0, 1, 1, 1, 4, 4, 6],
        exact_group=[0, 1, 2, 3, 4, 4, 6],
        label=[0, 3, 3, 5, 2, 2, 0],
        action=["keep", "drop", "drop", "drop", "keep", "drop", "keep"],
        rule=["keep", "near_duplicate", "ood", "near_duplicate", "keep", "exact_duplicate", "keep"],
        counterpart=["", "img_c", "img_c", "img_c", "", "img_e", ""],
        duplicate_similarity=[np.nan, 0.98, 1.0, 0.96, 1.0, 1.0, np.nan],
    )
    first, second = duplicate_groups(frame)
    assert first | {"members": None} == {
        "rows": [2, 1, 3],
        "keeper": 2,
        "exact": False,
        "conflict": True,
        "similarity": 0.96,
        "members": None,
    }
    assert second["rows"] == [4, 5] and second["keeper"] == 4
    assert second["exact"] and not second["conflict"]
    assert second["members"][0] == {
        "width": 64,
        "height": 48,
        "file_name": "a.jpg",
        "reason": "nothing speaks against it",
    }


def test_where_both_of_a_group_stay_none_was_chosen():
    (group,) = duplicate_groups(ledger(duplicate_group=[0, 0, 2, 3, 4, 5, 6]))
    assert group["rows"] == [0, 1] and group["keeper"] == -1 and group["similarity"] is None


def test_a_leak_is_paired_with_the_validation_image_that_it_equals():
    frame = ledger(
        split=["validation", "none", "none", "none", "none", "train", "train"],
        leaks_validation=[False, True, True, True, True, False, False],
        duplicate_group=[0, 0, 2, 3, 4, 5, 6],
        rule=["keep", "near_duplicate", "validation_leak", "validation_leak", "ood", "keep", "keep"],
        counterpart=["", "img_a", "img_a", "photo-of-another-day", "", "", ""],
    )
    assert validation_leaks(frame) == [
        {"row": 1, "of": 0, "of_id": "img_a", "left": False},
        {"row": 2, "of": 0, "of_id": "img_a", "left": True},
        {"row": 3, "of": -1, "of_id": "photo-of-another-day", "left": True},
        {"row": 4, "of": -1, "of_id": "", "left": False},
    ]


def test_leaks_into_a_test_set_are_named_and_those_into_the_validation_set_stand_elsewhere():
    found = pd.DataFrame(
        {"split": ["test", "test", "validation"], "image_id": ["a", "b", "c"], "leaks": [0, 1, 1], "label": "cat"}
    )
    assert test_leaks(found) == [{"set": "test", "image_id": "b"}]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("groups") / "animals", images=400)


def test_another_one_is_kept_as_the_pipeline_replays_it(folder):
    client = TestClient(
        create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None),
        base_url="http://127.0.0.1:8642",
    )
    answer = client.get("/api/duplicates").json()
    assert answer["test"] is None, "no run has looked"
    before = pd.read_parquet(folder / "data/processed/ledger.parquet")
    size = before["duplicate_group"].map(before["duplicate_group"].value_counts())
    assert sorted(row for group in answer["groups"] for row in group["rows"]) == np.flatnonzero(size > 1).tolist()
    group = next(it for it in answer["groups"] if it["keeper"] >= 0 and before["action"][it["keeper"]] != "drop")
    old, new = (before["image_id"][row] for row in group["rows"])
    verdicts = [(old, "drop"), (new, "keep")]
    changes = [
        {
            "image_id": image_id,
            "expected": None,
            "verdict": {"action": action, "label": None, "reviewer": "ada", "reason": ""},
        }
        for image_id, action in verdicts
    ]
    assert client.post("/api/decisions", json={"changes": changes}, headers=OWN).status_code == 200
    review = Session(folder, reviewer="ada").review().rows
    thresholds = load_params(folder / "params.yaml").curate.model_dump()
    after = decide(before, class_names=CLASSES, thresholds=thresholds, review=review).set_index("image_id")
    assert (after.loc[new, "action"], after.loc[old, "action"]) == ("keep", "drop")
    assert after.loc[new, "final_label"] == after.loc[new, "label"]

    predictions = pd.DataFrame({"split": ["test"], "image_id": ["x"], "leaks": [1], "label": ["a"], "seed-0": ["a"]})
    tables.write_csv(predictions, folder / "metrics/predictions/submission.csv")
    assert client.get("/api/duplicates").json()["test"] == [{"set": "test", "image_id": "x"}]
