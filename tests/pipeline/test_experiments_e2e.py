"""An experiment, a sweep and a comparison of the real pipeline, on the tiny archive of tiny_project."""

import json

import pytest
import yaml

from stub_project import winnow
from tiny_project import dvc, git
from winnow.experiments.repository import Repository
from winnow.experiments.runs import read_run

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]

SCORES = (
    "build_manifest",
    "find_image_faults",
    "embed",
    "find_duplicates",
    "crossval_pred_probs",
    "find_label_issues",
    "score_ood",
)


def test_a_threshold_reruns_nothing_before_curate_and_a_sweep_of_it_trains_nothing_again(built):
    output = dvc(built, "exp", "run", "-n", "strict", "-S", "curate.label_quality_threshold=0.15")
    for stage in SCORES:
        assert f"Running stage '{stage}'" not in output
        assert f"Stage '{stage}' didn't change, skipping" in output
    assert "Running stage 'curate'" in output and "Running stage 'evaluate'" in output
    assert "curate.label_quality_threshold" in dvc(built, "params", "diff")
    difference = json.loads(dvc(built, "metrics", "diff", "--json"))
    before, after = (difference["metrics/summary.json"]["keep"][side] for side in ("old", "new"))
    assert after > before  # a lower threshold keeps more
    assert "strict" in dvc(built, "exp", "show", "--csv")
    git(built, "checkout", "-q", "--", ".")
    dvc(built, "checkout", "-q")
    assert "Data and pipelines are up to date." in dvc(built, "repro")

    sweep = built / ".winnow/sweep.yaml"
    sweep.write_text("grid: {curate.label_quality_threshold: [0.15]}\n")
    assert "1 of 1 done" in winnow(built, "sweep", str(sweep))
    (log,) = (file.read_text() for file in (built / ".winnow/sweeps/logs").glob("*.log"))
    assert "Running stage 'curate'" in log and "Stage 'train@submission' is cached - skipping run" in log
    repository = Repository(built)
    here = yaml.safe_load((built / "dvc.lock").read_text())["stages"]
    assert {run.name for run in repository.experiments()} == {"strict", "label_quality_threshold-0.15"}
    for run in repository.experiments():
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
