"""The pipeline `filter` on its built-in sample, as a stranger runs it."""

import shutil
from pathlib import Path

import pytest
import yaml

from tiny_project import clone, dvc
from winnow.workspace import Workspace

pytestmark = pytest.mark.pipeline
PIPELINE = Path(__file__).parents[2] / "pipelines/filter"


def test_filter_runs_once_and_a_new_share_cuts_only(root, tmp_path):
    project = clone(root, tmp_path / "filter")
    folder = project / "pipelines/filter"
    built = shutil.ignore_patterns("sample", "interim", "processed", "metrics", "report", ".winnow", "dvc.lock")
    shutil.copytree(PIPELINE, folder, ignore=built)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["filter_sample"]["images"] = 300
    params["pays"] |= {"shares": [0.5], "pools": 2}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    dvc(folder, "repro")
    workspace = Workspace(folder)
    summary = workspace.json("filter_summary")
    assert summary["kept"] == sum(1 for _ in (folder / "data/processed/filtered/train").rglob("*.png"))
    assert len(list((folder / "data/processed/filtered/test").rglob("*.png"))) == 300
    assert (folder / "report/index.html").exists()

    assert "Data and pipelines are up to date" in dvc(folder, "repro")
    params["cut"]["keep"] = 0.5
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    again = dvc(folder, "repro")
    ran = {
        stage for stage in yaml.safe_load((folder / "dvc.yaml").read_text())["stages"] if f"stage '{stage}':" in again
    }
    assert ran == {"cut", "export", "report"}
    assert workspace.json("filter_summary")["kept"] == 150
