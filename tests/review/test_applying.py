"""The pipeline run from the app, in the background, by a real `dvc repro` of stages that take no time."""

import shutil
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
import yaml
from fastapi.testclient import TestClient

from winnow.review.applying import changes
from winnow.review.server import create_app
from winnow.review.session import Session
from workspaces import write_workspace

OWN = {"X-Winnow": "1"}
REPLAY = """
import json, sys, time
from pathlib import Path
import pandas as pd

stage = sys.argv[1]
if Path(f"hold-{stage}").exists():
    Path(f"held-{stage}").touch()
    while Path(f"hold-{stage}").exists():
        time.sleep(0.02)
if Path(f"fail-{stage}").exists():
    sys.exit(f"\\nwinnow: {stage}: the floor is wrong.\\n")
if stage == "select_validation":
    ledger = pd.read_parquet("data/raw/ledger.parquet")
    path = Path("data/review/decisions.csv")
    for row in pd.read_csv(path, keep_default_na=False).itertuples() if path.exists() else []:
        at = ledger["image_id"] == row.image_id
        ledger.loc[at, ["action", "rule", "decided_by", "final_label", "split"]] = ["drop", "review", "ada", -1, "none"]
    Path("data/processed").mkdir(exist_ok=True)
    ledger.to_parquet("data/processed/ledger.parquet")
else:
    dropped = int((pd.read_parquet("data/processed/ledger.parquet")["action"] == "drop").sum())
    Path("metrics/quick_check.json").write_text(json.dumps({"quick_test": dropped / 1000}))
"""
STAGES = {
    "select_validation": {
        "cmd": f"{sys.executable} replay.py select_validation",
        "deps": ["data/raw/ledger.parquet", "data/review", "replay.py"],
        "outs": ["data/processed/ledger.parquet"],
    },
    "quick_check": {
        "cmd": f"{sys.executable} replay.py quick_check",
        "deps": ["data/processed/ledger.parquet"],
        "outs": [{"metrics/quick_check.json": {"cache": False}}],
    },
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = write_workspace(tmp_path_factory.mktemp("apply") / "animals", images=60)
    shutil.copy(folder / "data/processed/ledger.parquet", folder / "data/raw/ledger.parquet")
    (folder / "replay.py").write_text(REPLAY)
    (folder / "metrics").mkdir()
    (folder / "data/review").mkdir()
    (folder / "data/review/README.md").write_text("What people decided.\n")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}, sort_keys=False))
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=folder, check=True)
    subprocess.run([*dvc, "repro", "-q"], cwd=folder, check=True)
    return folder


@pytest.fixture
def client(folder):
    app = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None)
    with TestClient(app, base_url="http://127.0.0.1:8642") as client:  # stops what it left running
        yield client


def drop(client, image_id):
    verdict = {"action": "drop", "label": None, "reviewer": "ada", "reason": ""}
    body = {"changes": [{"image_id": image_id, "expected": None, "verdict": verdict}]}
    return client.post("/api/decisions", json=body, headers=OWN)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return found


def ended(client):
    return until(lambda: (it := client.get("/api/apply").json())["state"] not in ("running", "stopping") and it)


def test_verdicts_are_applied_one_run_at_a_time_and_what_changed_is_told(client, folder):
    before = pd.read_parquet(folder / "data/processed/ledger.parquet").set_index("image_id")
    kept = before.index[before["action"] == "keep"][:2]
    assert client.get("/api/apply").json()["state"] == "idle"
    assert drop(client, kept[0]).status_code == 200
    (folder / "hold-select_validation").touch()
    begun = client.post("/api/apply", json={}, headers=OWN).json()
    assert begun["state"] == "running"
    assert begun["stages"] == [{"name": name, "state": "waiting"} for name in STAGES]
    until((folder / "held-select_validation").exists)
    seen = client.get("/api/apply").json()["stages"]
    assert [it["state"] for it in seen] == ["running", "waiting"], "a page that comes later sees how it goes"
    again = client.post("/api/apply", json={}, headers=OWN)
    assert again.status_code == 409 and "running already" in again.json()["error"]
    written = (folder / "data/review/decisions.csv").read_bytes()
    refused = drop(client, kept[1])
    assert refused.status_code == 423 and "nothing was saved" in refused.json()["error"]
    assert (folder / "data/review/decisions.csv").read_bytes() == written, "what is being read does not change"
    (folder / "hold-select_validation").unlink()

    answer = ended(client)
    assert answer["state"] == "done" and answer["error"] == ""
    counts = before["action"].value_counts()
    assert answer["before"]["keep"] == counts["keep"] and answer["after"]["keep"] == counts["keep"] - 1
    assert answer["after"]["drop"] == counts["drop"] + 1 == round(1000 * answer["after"]["quick_test"])
    assert answer["before"]["quick_test"] == counts["drop"] / 1000
    row = sorted(before.index).index(kept[0])
    start = "validation" if before.loc[kept[0], "split"] == "validation" else "keep"
    assert answer["changed"] == {
        "images": 1,
        "by_people": 1,
        "groups": [{"from": start, "to": "drop", "rows": [row]}],
    }
    assert answer["version"] == client.get("/api/dataset").json()["version"]
    app_after_it = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None)
    told = TestClient(app_after_it, base_url="http://127.0.0.1:8642").get("/api/apply").json()
    for part in ("state", "before", "after", "changed", "seconds"):
        assert told[part] == answer[part], "an app that is started later tells the same"
    assert drop(client, kept[1]).status_code == 200


def test_a_run_is_stopped_with_all_that_it_started_and_the_next_one_goes_on(client, folder):
    drop(client, "img_000030")
    (folder / "hold-quick_check").touch()
    others = psutil.Process().children(recursive=True)  # what earlier tests of this worker started
    client.post("/api/apply", json={}, headers=OWN)
    until((folder / "held-quick_check").exists)
    mine = [it for it in psutil.Process().children(recursive=True) if it not in others]
    assert mine
    assert drop(client, "img_000031").status_code == 200, "the verdicts are read by now"
    client.post("/api/apply/stop", json={}, headers=OWN)
    answer = ended(client)
    assert [it["state"] for it in answer["stages"]] == ["done", "stopped"]
    assert answer["state"] == "stopped" and not psutil.wait_procs(mine, 10)[1]
    (folder / "hold-quick_check").unlink()
    client.post("/api/apply", json={}, headers=OWN)
    answer = ended(client)
    assert answer["state"] == "done", answer
    assert [it["state"] for it in answer["stages"]] == ["done", "done"]


def test_a_failure_is_one_sentence(client, folder):
    (folder / "fail-select_validation").touch()
    drop(client, "img_000030")
    client.post("/api/apply", json={}, headers=OWN)
    answer = ended(client)
    assert (answer["state"], answer["error"]) == ("failed", "select_validation: the floor is wrong.")
    (folder / "dvc.yaml").unlink()
    refused = client.post("/api/apply", json={}, headers=OWN)
    assert refused.status_code == 422 and "restore it with git" in refused.json()["error"]


@pytest.mark.parametrize("path", ["/api/apply", "/api/apply/stop"])
def test_no_other_page_can_start_or_stop_a_run(client, path):
    json = {"content-type": "application/json"}
    assert client.post(path, content=b"{}", headers=json).status_code == 403
    assert client.post(path, content=b"{}", headers=OWN | {"content-type": "text/plain"}).status_code == 415
    assert client.post(path, json={}, headers=OWN | {"origin": "http://evil.example"}).status_code == 403
    assert client.post(path, json={"target": "train"}, headers=OWN).status_code == 422
    assert client.get("/api/apply").json()["state"] == "idle"


def test_what_changed_is_counted_by_where_images_came_from_and_went():
    def ledger(*rows):
        return pd.DataFrame(rows, columns=["image_id", "action", "final_label", "split", "decided_by"])

    before = ledger(
        ("a", "keep", 0, "train", "rule"),
        ("b", "keep", 0, "train", "rule"),
        ("c", "relabel", 1, "train", "rule"),
        ("d", "drop", -1, "none", "rule"),
        ("gone", "keep", 0, "train", "rule"),
    )
    after = ledger(
        ("a", "keep", 0, "validation", "rule"),
        ("b", "keep", 0, "train", "rule"),
        ("c", "relabel", 2, "train", "ada"),
        ("d", "drop", -1, "none", "ada"),
        ("new", "drop", -1, "none", "rule"),
    )
    assert changes(before, after) == {
        "images": 2,
        "by_people": 1,
        "groups": [
            {"from": "keep", "to": "validation", "rows": [0]},
            {"from": "relabel", "to": "relabel", "rows": [2]},
        ],
    }
