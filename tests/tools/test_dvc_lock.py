"""The lock file against the tree: every kind of change is named, data that a clone lacks is no change."""

import json
from pathlib import Path

import pytest
import yaml

from dvc_lock import stale
from stub_project import call, make_project

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, root, monkeypatch) -> Path:
    """A clone of a project that was run and committed: no data in it."""
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    original = make_project(tmp_path / "original", root)
    call(tmp_path, "git", "clone", "-q", str(original), "project")
    (tmp_path / "project/data/raw").mkdir(parents=True)
    (tmp_path / "project/data/raw/archive.zip").write_text("archive")  # no stage makes it
    return tmp_path / "project"


def test_a_clone_without_data_is_fresh(project):
    assert not (project / "data/interim").exists()
    assert stale(project) == []


def test_code_params_commands_and_figures_are_told_apart(project):
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text())
    pipeline["stages"]["score"]["cmd"] = "python -B work.py score"
    (project / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["curate"]["ood_threshold"] = 0.6
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    (project / "metrics/evaluation.json").write_text("{}")
    (project / "metrics/predictions/baseline.csv").unlink()
    *stages, within = stale(project)
    assert within == "stage curate ran with another curate.ood_threshold: 0.5, params.yaml says 0.6"
    curate, evaluate, score = sorted(stages)
    assert score == "score: changed command"
    assert curate == "curate: changed deps params.yaml:curate"
    assert "metrics/evaluation.json (modified)" in evaluate and "baseline.csv (deleted)" in evaluate


def test_code_that_was_edited_is_named_by_every_stage_that_runs_it(project):
    with (project / "work.py").open("a") as file:
        file.write("# another comment\n")
    lines = stale(project)
    assert {line.partition(":")[0] for line in lines} == {"score", "curate", "evaluate"}
    assert all("work.py (modified)" in line for line in lines)


def test_a_lock_of_two_runs_is_found(project):
    """Someone merged by hand: the last stage read other decisions than the lock's own curate wrote."""
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    deps = {dep["path"]: dep for dep in lock["stages"]["evaluate"]["deps"]}
    deps["data/interim/decisions.txt"]["md5"] = "0" * 32
    (project / "dvc.lock").write_text(json.dumps(lock))
    assert stale(project) == ["stage evaluate ran with another data/interim/decisions.txt"]


def test_a_stage_that_never_ran_is_found(project):
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    del lock["stages"]["curate"]
    (project / "dvc.lock").write_text(json.dumps(lock))
    assert any(line.startswith("curate: ") for line in stale(project))
