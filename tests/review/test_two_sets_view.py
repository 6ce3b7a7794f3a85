"""The view of two sets: what it shows of a workspace of `shift`, what it writes, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from review_client import OWN, arrays, client_of, judge
from shift_workspace import CLASSES, ROWS, explain_again, write_shift_workspace
from winnow.errors import WinnowError
from winnow.review.server import open_session
from winnow.workspace import Workspace


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_shift_workspace(tmp_path_factory.mktemp("two") / "sets")


@pytest.fixture
def client(folder):
    return client_of(folder)


def test_both_sets_are_one_table_coloured_and_filtered_by_set(client, folder):
    info, points = client.get("/api/dataset").json(), arrays(client.get("/api/points").content)
    assert info["views"] == ["sets", "map", "gallery", "queue"] and info["own"]["words"]["set"] == ["A", "B"]
    assert points["own:set"].tolist() == [0] * ROWS + [1] * ROWS and len(points["places3"]) == 6 * ROWS
    scores = {name: Workspace(folder).table("shift_scores", set=name) for name in ("a", "b")}
    ids = points["ids"].tobytes().decode().split("\n")
    assert ids == [f"{name}:{row}" for name in ("a", "b") for row in scores[name]["row"]]
    keys = np.array([outcome["key"] for outcome in info["outcomes"]])[points["outcome"]]
    suspects = scores["b"]["label_error"] >= 0.5
    assert (
        10 < suspects.sum() == (keys == "b-suspect").sum()
        and (points["suggested_label"][ROWS:] != points["label"][ROWS:]).tolist() == suspects.tolist()
    )
    asked = points["rank:suspects_b"]
    assert np.isnan(asked[:ROWS]).all() and (~np.isnan(asked[ROWS:])).tolist() == suspects.tolist()
    told = client.get(f"/api/image/{ids[ROWS + int(np.flatnonzero(suspects)[0])]}").json()
    assert told["explanation"]["reason"].startswith("the classifier answers c") and len(told["neighbours"]) == 12
    assert "if so, it is c" in told["explanation"]["reason"]


def test_the_worst_classes_stand_side_by_side_with_what_is_answered_wrong(client, folder):
    found, points = client.get("/api/sets").json(), arrays(client.get("/api/points").content)
    workspace = Workspace(folder)
    table = workspace.table("shift_classes").set_index("class")
    assert sum(part["value"] for part in found["parts"]) == pytest.approx(found["drop"]["value"], abs=1e-5)
    assert sorted(it["label"] for it in found["classes"]) == [0, 1, 2, 3] and found["more"] == 0
    parts = [it["part"]["value"] for it in found["classes"]]
    assert parts == sorted(parts, reverse=True)
    for it in found["classes"]:
        row = table.loc[CLASSES[it["label"]]]
        for name, first in (("a", 0), ("b", ROWS)):
            assert it["rows"][name] == row[f"rows_{name}"]
            recall = it["recall"][name]
            assert recall["value"] == pytest.approx(row[f"recall_{name}"]) and 0 <= recall["low"] < recall["high"] <= 1
            wrong = np.array(it["wrong"][name]["all"])
            assert len(wrong) == round((1 - row[f"recall_{name}"]) * row[f"rows_{name}"])
            assert set(points["label"][wrong]) <= {it["label"]} and ((wrong >= first) & (wrong < first + ROWS)).all()
            assert set(it["wrong"][name]["rows"]) <= set(wrong.tolist()) and len(it["wrong"][name]["rows"]) <= 12
    assert found["near"] == {} and client.get("/image/b:img_0003").content[1:4] == b"PNG"
    assert client.get("/image/b:img_9999").status_code == client.get("/original/c:img_0003").status_code == 404


def test_verdicts_are_written_taken_back_and_replayed_by_the_explanation(client, folder):
    ids = arrays(client.get("/api/points").content)["ids"].tobytes().decode().split("\n")
    scores = Workspace(folder).table("shift_scores", set="b")
    worst = scores.sort_values("label_error", ascending=False)
    right, other, none = (ids[ROWS + place] for place in worst.index[:3])
    assert judge(client, right, "keep").status_code == 200
    suggested = int(worst["suggested"].iloc[1])
    row = judge(client, other, "relabel", suggested).json()["rows"][other]
    assert (row["label"], row["reviewer"]) == (CLASSES[suggested], "ada")
    assert judge(client, none, "drop").status_code == judge(client, "a:img_0001", "drop").status_code == 200
    assert judge(client, "a:img_0001", None, expected={"action": "drop"}).status_code == 200
    assert judge(client, right, "drop").status_code == 409, "somebody else saw nothing there"
    assert client.get("/api/verdicts").json()["problem"] == ""
    path = folder / "data/review/decisions.csv"
    path.write_text(path.read_text() + "b:img_gone,drop,,grace,,\n")
    (warning,) = explain_again(folder)
    assert warning.startswith("1 of 4 rows of") and "b:img_gone (line 5)" in warning
    summary = Workspace(folder).json("metrics", stage="summary")
    assert summary["judged_labels"] == {"b": {"judged": 3, "right": 1, "wrong": 2, "of_no_class": 1}}
    points = arrays(client.get("/api/points").content)
    at = [ids.index(image_id) for image_id in (right, other, none)]
    assert points["final_label"][at].tolist() == [points["label"][at[0]], suggested, -1]
    assert points["by_person"].sum() == 3 and client.get("/api/sets").json()["verdict"] == summary["verdict"]
    assert "img_gone" in client.get("/api/verdicts").json()["notice"]


def test_what_is_not_asked_of_two_sets_is_not_there_and_strangers_are_refused(client, folder):
    before = {path: path.read_bytes() for path in (folder / "data/review").iterdir()}
    for path in ("/api/proposals", "/api/thresholds", "/api/apply", "/api/validation", "/api/truth"):
        assert client.get(path).status_code == 404
    assert client.post("/api/params", json={"thresholds": {}, "params_digest": ""}, headers=OWN).status_code == 404
    unknown = judge(client, "b:img_9999", "keep")
    assert unknown.status_code == 422 and "no image 'b:img_9999'" in unknown.json()["error"]
    assert judge(client, "b:img_0001", "relabel", 4).status_code == 422
    body = {"changes": [{"image_id": "b:img_0001", "expected": None, "verdict": None}]}
    assert client.post("/api/decisions", json=body).status_code == 403
    assert client.get("/api/sets", headers={"origin": "http://evil.example"}).status_code == 403
    assert client.get("/api/sets", headers={"host": "evil.example:8642"}).status_code == 421
    assert client_of(folder, token="secret").get("/api/sets").status_code == 401
    assert {path: path.read_bytes() for path in (folder / "data/review").iterdir()} == before


def test_rows_of_tables_go_by_their_features_and_are_told_in_words(tmp_path):
    folder = write_shift_workspace(tmp_path / "tables", images=False)
    client = client_of(folder)
    assert client.get("/api/dataset").json()["pictures"] is False
    found = client.get("/api/sets").json()
    shown = [row for it in found["classes"] for which in ("a", "b") for row in it["wrong"][which]["rows"]]
    assert set(found["near"]) == set(map(str, shown)) and all(len(near) == 3 for near in found["near"].values())
    assert client.get("/image/b:row_00000001").status_code == 404
    judge(client, "b:row_00000001", "drop")
    (row,) = pd.read_csv(folder / "data/review/decisions.csv").to_dict("records")
    assert len(row["bytes_sha256"]) == 64
    path = Workspace(folder).path("shift_features", set="b")
    values = np.load(path)
    values[[1, 2]] = values[[2, 1]]  # the table was sorted anew
    np.save(path, values)
    assert explain_again(folder) == ()
    assert Workspace(folder).table("shift_scores", set="b")["final_label"][2] == -1


def test_answers_alone_have_no_map_and_no_neighbours(tmp_path):
    client = client_of(write_shift_workspace(tmp_path / "answers", images=False, features=False))
    assert client.get("/api/dataset").json()["views"] == ["sets", "gallery", "queue"]
    assert client.get("/api/image/b:row_00000001").json()["neighbours"] == []
    assert client.get("/api/sets").json()["suspects"] == {"a": 0, "b": 0}


def test_other_workspaces_get_one_sentence(folder, tmp_path, root):
    with pytest.raises(WinnowError, match="--columns is for workspaces of the cleaning"):
        open_session(folder, reviewer="ada", columns=tmp_path / "mine.csv")
    with pytest.raises(WinnowError, match="a workspace of pipelines/competition, which the review app does not show"):
        open_session(root / "pipelines/competition", reviewer="ada")
    (folder / "metrics/summary.json").unlink()
    with pytest.raises(WinnowError, match=r"summary.json is missing; run 'dvc repro' first"):
        open_session(folder, reviewer="ada")
