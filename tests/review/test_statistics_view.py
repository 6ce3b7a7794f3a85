"""Figures by class, size, fault and reviewer, counted by hand."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from winnow.review.server import create_app
from winnow.review.session import Session
from winnow.review.statistics import by_class, by_fault, by_reviewer, by_size
from workspaces import write_workspace


def ledger(**columns):
    frame = pd.DataFrame(
        {
            "image_id": list("abcde"),
            "label": [0, 0, 0, 1, 1],
            "final_label": [0, 1, -1, 1, -1],
            "action": ["keep", "relabel", "drop", "keep", "drop"],
            "label_quality_score": [0.9, 0.2, 0.1, 0.8, np.nan],
            "width": [64, 64, 32, 64, 32],
            "height": [48, 48, 32, 64, 32],
            "image_faults": ["", "dark,odd_size", "dark", "", ""],
        }
    )
    return frame.assign(**columns)


def test_each_class_by_the_label_that_images_came_with():
    agrees = np.array([np.nan, 1, 0, np.nan, 1])
    first, second, empty = by_class(ledger(), agrees, num_classes=3)
    assert first == {
        "given": 3,
        "keep": 1,
        "relabel": 1,
        "drop": 1,
        "final": 1,
        "quality": pytest.approx(0.4),
        "judged": 2,
        "agreed": 1,
    }
    assert second["final"] == 2 and second["quality"] == pytest.approx(0.8) and second["agreed"] == 1
    assert empty["given"] == 0 and empty["quality"] is None


def test_sizes_and_faults_hold_their_images_the_most_frequent_first():
    assert by_size(ledger()) == [
        {"words": "32 × 32", "rows": [2, 4]},
        {"words": "64 × 48", "rows": [0, 1]},
        {"words": "64 × 64", "rows": [3]},
    ]
    assert by_fault(ledger()) == [{"words": "dark", "rows": [1, 2]}, {"words": "odd size", "rows": [1]}]
    assert by_fault(ledger(image_faults="")) == []


def test_of_many_sizes_the_rest_is_one_entry_and_no_image_is_lost():
    many = pd.DataFrame({"width": np.arange(30), "height": 1})
    groups = by_size(many)
    assert len(groups) == 13 and groups[-1]["words"] == "other sizes"
    assert sorted(row for group in groups for row in group["rows"]) == list(range(30))


def test_what_each_person_said():
    verdicts = pd.DataFrame(
        {"image_id": ["b", "c", "e", "gone"], "action": ["relabel", "keep", "drop", "keep"]}
    ).assign(label=-1, reviewer=["ada", "grace", "ada", "ada"], reason="")
    agrees = np.array([np.nan, 1, 0, np.nan, 1])
    assert by_reviewer(verdicts, agrees, ledger()["image_id"].to_numpy()) == [
        {"reviewer": "ada", "keep": 0, "relabel": 1, "drop": 1, "agreed": 2, "rows": [1, 4]},
        {"reviewer": "grace", "keep": 1, "relabel": 0, "drop": 0, "agreed": 0, "rows": [2]},
    ]


def test_the_server_counts_every_image_once(tmp_path):
    folder = write_workspace(tmp_path / "animals", images=200)
    app = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None)
    answer = TestClient(app, base_url="http://127.0.0.1:8642").get("/api/statistics").json()
    assert sum(it["given"] for it in answer["classes"]) == 200
    assert all(it["given"] == it["keep"] + it["relabel"] + it["drop"] for it in answer["classes"])
    assert answer["sizes"] == [{"words": "64 × 64", "rows": list(range(200))}]
    assert answer["faults"] == answer["reviewers"] == []
