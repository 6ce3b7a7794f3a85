"""A second reviewer's verdicts beside one's own."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from winnow.review.second import cohens_kappa, compare
from winnow.review.server import create_app
from winnow.review.session import Session
from workspaces import CLASSES, write_workspace

OWN = {"X-Winnow": "1"}
HEADER = "image_id,action,label,reviewer,reason\n"


def verdicts(reviewer, **by_image):
    rows = [
        {"image_id": image_id, "action": action, "label": label, "reviewer": reviewer, "reason": ""}
        for image_id, (action, label) in by_image.items()
    ]
    return pd.DataFrame(rows, columns=["image_id", "action", "label", "reviewer", "reason"]).astype({"label": np.int64})


KEEP, DROP = ("keep", -1), ("drop", -1)


def test_verdicts_that_end_alike_agree_whatever_they_are_called():
    ours = verdicts("ada", a=KEEP, b=("relabel", 1), c=DROP, d=KEEP, e=KEEP)
    theirs = verdicts("grace", a=("relabel", 0), b=("relabel", 1), c=KEEP, d=DROP, f=DROP)
    found = compare(ours, theirs, image_id=np.array(list("abcdef")), label=np.array([0, 0, 0, 1, 1, 1]))
    assert (found["both"], found["agreed"], found["only_ours"]) == (4, 2, 1)
    assert [(it["row"], it["ours"]["action"], it["theirs"]["action"]) for it in found["differ"]] == [
        (2, "drop", "keep"),
        (3, "keep", "drop"),
    ]
    assert [(it["row"], it["theirs"]["action"], it["theirs"]["reviewer"]) for it in found["new"]] == [
        (5, "drop", "grace")
    ]
    assert [(it["both"], it["agreed"]) for it in found["classes"]] == [(3, 2), (1, 0)]
    # Ends: ada 0, 1, drop, 1 and grace 0, 1, 0, drop. By chance 1/4 * 2/4 + 2/4 * 1/4 + 1/4 * 1/4 = 5/16.
    assert found["kappa"] == pytest.approx((2 / 4 - 5 / 16) / (1 - 5 / 16), abs=1e-4)


def test_kappa_of_a_table_that_is_known():
    # Both yes 20, first alone 5, second alone 10, both no 15: 0.7 agreed, 0.5 by chance.
    first = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohens_kappa(first, second) == pytest.approx(0.4)
    assert cohens_kappa(first, first) == 1
    assert cohens_kappa(np.zeros(4, int), np.zeros(4, int)) is None, "chance gives all of it"
    assert cohens_kappa(np.zeros(0, int), np.zeros(0, int)) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_kappa_does_not_depend_on_who_is_first_and_is_at_most_one(pairs):
    first, second = np.array(pairs).T
    kappa = cohens_kappa(first, second)
    assert kappa is None or kappa <= 1 + 1e-12
    assert kappa == (pytest.approx(cohens_kappa(second, first)) if kappa is not None else None)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("second") / "animals", images=60)


@pytest.fixture
def client(folder):
    app = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None)
    return TestClient(app, base_url="http://127.0.0.1:8642", raise_server_exceptions=False)


def test_a_foreign_file_is_compared_kept_over_a_restart_and_forgotten(client, folder):
    (folder / "data/review").mkdir(parents=True, exist_ok=True)
    (folder / "data/review/decisions.csv").write_text(HEADER + "img_000001,keep,,ada,\nimg_000002,drop,,ada,\n")
    assert client.get("/api/second").json() == {"compared": None}
    text = HEADER + f"img_000001,keep,,grace,\nimg_000002,relabel,{CLASSES[3]},grace,a car\nimg_000007,drop,,grace,\n"
    answer = client.post("/api/second", json={"text": text + "img_gone,drop,,grace,\n"}, headers=OWN).json()["compared"]
    assert (answer["both"], answer["agreed"], answer["only_ours"]) == (2, 1, 0)
    assert answer["differ"][0]["theirs"] == {"action": "relabel", "label": 3, "reviewer": "grace", "reason": "a car"}
    assert [it["row"] for it in answer["new"]] == [7]
    assert answer["notice"].startswith("1 of 4 rows of the file match no single image")
    assert "grace" not in (folder / "data/review/decisions.csv").read_text(), "the file alone decides nothing"
    again = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None)
    with TestClient(again, base_url="http://127.0.0.1:8642") as restarted:
        assert restarted.get("/api/second").json()["compared"] == answer
    assert client.post("/api/second", json={"text": ""}, headers=OWN).json() == {"compared": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "has no column 'image_id'"),
        (HEADER + "img_000001,explode,,grace,\n", "the file, line 2"),
        (HEADER + "img_000001,keep,,,\n", "'reviewer' is empty"),
        (HEADER + "img_nobody,keep,,grace,\n", "no verdict on an image of this dataset"),
        (HEADER, "no verdict on an image of this dataset"),
        ('image_id,action,label,reviewer,reason\n"img', "quote"),
    ],
)
def test_a_file_that_holds_no_verdicts_is_refused_and_the_one_before_stays(client, folder, text, words):
    good = HEADER + "img_000001,keep,,grace,\n"
    before = client.post("/api/second", json={"text": good}, headers=OWN).json()
    answer = client.post("/api/second", json={"text": text}, headers=OWN)
    assert answer.status_code == 422 and words in answer.json()["error"]
    assert str(folder) not in answer.json()["error"]
    assert client.get("/api/second").json() == before
