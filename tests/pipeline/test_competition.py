"""The pipeline `competition` on a small sample: a submission that holds to the rules; a second run does nothing."""

import json

import pytest
import yaml

from tiny_project import clone, dvc
from winnow.submission.competition import lint_competition
from winnow.workspace import Workspace

SMALL = {
    "competition_sample": {"train": 12, "val": 4, "label_book": 2, "test": 8},
    "valuation": {"epochs": 3, "checkpoints": [1, 2]},
    "policy_search": {"images": 64, "epochs": 1},
    "copies": {"per_class": 16},
}


@pytest.mark.pipeline
def test_the_competition_runs_by_itself_and_a_second_time_does_nothing(root, tmp_path):
    folder = clone(root, tmp_path / "tiny") / "pipelines/competition"
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for section, changes in SMALL.items():
        params[section] |= changes
    params["cleaning"]["encoder"] |= {"folds": 2, "epochs": 2, "width": 4}
    params["competition_training"]["recipe"]["epochs"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    dvc(folder, "repro")
    workspace = Workspace(folder)
    assert all(finding.ok for finding in lint_competition(folder / "submission", class_names=list("0123456789")))
    first, second = (workspace.table("round", number=number) for number in "12")
    assert len(first) == len(second) == 160
    summary = json.loads((folder / "metrics/summary.json").read_text())
    assert 0 <= summary["raw"]["accuracy"] <= 1 and summary["cleaned"]["networks"] == 1
    assert "Data and pipelines are up to date" in dvc(folder, "repro")
