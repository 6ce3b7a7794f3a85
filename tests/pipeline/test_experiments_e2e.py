"""A sweep and a comparison of the real pipeline, on the tiny archive of tiny_project."""

import json
from pathlib import Path

import pytest
import yaml

from stub_project import winnow
from winnow.experiments.repository import Repository
from winnow.experiments.runs import read_run

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]

SCORES = ("build_manifest", "embed", "find_duplicates", "crossval_pred_probs", "find_label_issues", "score_ood")


@pytest.fixture
def swept(built) -> Path:
    """The pipeline after a sweep of one threshold."""
    sweep = built / ".winnow/sweep.yaml"
    sweep.write_text("grid: {curate.label_quality_threshold: [0.05]}\n")
    assert "1 of 1 done" in winnow(built, "sweep", str(sweep))
    return built


def test_threshold_runs_reuse_every_score(swept):
    logs = sorted((swept / ".winnow/sweeps/logs").glob("*.log"))
    assert len(logs) == 1
    for log in (file.read_text() for file in logs):
        for stage in SCORES:
            assert f"Stage '{stage}' didn't change, skipping" in log and f"Running stage '{stage}'" not in log
        assert "Running stage 'curate'" in log and "Running stage 'evaluate'" in log
    repository = Repository(swept)
    here = yaml.safe_load((swept / "dvc.lock").read_text())["stages"]
    runs = repository.experiments()
    assert [run.name for run in runs] == ["label_quality_threshold-0.05"]
    for run in runs:
        lock = yaml.safe_load(repository.read("dvc.lock", run.rev))["stages"]
        assert {stage: lock[stage] for stage in SCORES} == {stage: here[stage] for stage in SCORES}
        assert lock["curate"] != here["curate"]
        assert not read_run(repository, run.name).fault


def test_the_arms_are_compared_as_evaluate_measured_them(built):
    """Balanced accuracy from the predictions file is the one in the metrics."""
    winnow(built, "compare", "workspace", "--arms", "baseline,submission", "--json", ".winnow/found.json")
    found = json.loads((built / ".winnow/found.json").read_text())["comparisons"][0]
    evaluation = json.loads((built / "metrics/evaluation.json").read_text())
    for side, arm in (("reference", "baseline"), ("run", "submission")):
        assert found["balanced_accuracy"][side] == pytest.approx(evaluation[arm]["test"]["balanced_accuracy"])
    assert found["difference"]["value"] == pytest.approx(evaluation["improvement"]["test"])
    assert found["images"] == {"shared": 30, "reference": 30, "run": 30}
