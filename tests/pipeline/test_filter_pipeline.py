"""The pipeline `filter` on its built-in sample, as a stranger runs it."""

import json
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

from small_pipelines import add_pipeline
from stub_project import winnow
from tiny_project import clone, dvc
from winnow.workspace import Workspace

pytestmark = pytest.mark.pipeline


def test_filter_runs_once_and_a_new_share_cuts_only(root, tmp_path):
    project = clone(root, tmp_path / "filter")
    folder = add_pipeline(root, project, "filter")
    dvc(folder, "repro")
    workspace = Workspace(folder)
    summary = workspace.json("filter_summary")
    assert summary["kept"] == sum(1 for _ in (folder / "data/processed/filtered/train").rglob("*.png"))
    assert len(list((folder / "data/processed/filtered/test").rglob("*.png"))) == 300
    assert (folder / "report/index.html").exists()

    assert "Data and pipelines are up to date" in dvc(folder, "repro")
    params = yaml.safe_load((folder / "params.yaml").read_text())
    stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]

    def ran_with(section, **changes):
        params[section] |= changes
        (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        again = dvc(folder, "repro")
        return {stage for stage in stages if f"stage '{stage}':" in again}

    assert ran_with("cut", keep=0.5) == {"cut", "export", "report"}
    assert workspace.json("filter_summary")["kept"] == 150
    assert workspace.json("pays_metrics")["learner"] == "probe"
    assert ran_with("pays", learner="network", steps=1) == {"compare", "report"}
    assert workspace.json("pays_metrics")["learner"] == "network" and not workspace.scratch("compare").exists()
    assert "trained from nothing on the pixels" in workspace.path("filter_report").read_text()


def test_winnow_filter_takes_images_without_labels_from_anywhere(tmp_path):
    """No labels and no classes: nothing is compared or counted by class, and the copies still go."""
    rng = np.random.default_rng(0)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(60):
        pixels = np.kron(rng.integers(0, 256, (6, 6, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        Image.fromarray(pixels).save(photos / f"{number}.png")
        if number < 20:
            shutil.copy(photos / f"{number}.png", photos / f"{number} again.png")
    out = tmp_path / "far/from/here"
    said = winnow(tmp_path, "filter", str(photos), "--out", str(out), "--set", "cut.outliers=0.0")
    assert f"the dataset is {out}/data/processed/filtered" in said.replace("\n", "")
    left = {file.name for file in (out / "data/processed/filtered").rglob("*.png")}
    assert len(left) == 60 and all((f"{i}.png" in left) != (f"{i} again.png" in left) for i in range(20))
    assert all((photos / name).exists() for name in left)
    figures = json.loads((out / "metrics/summary.json").read_text())
    assert (figures["images"], figures["kept"]) == (80, 60)
    assert "Not compared: 0 filtered images have labels" in (out / "report/index.html").read_text()
    assert "did you mean cut.keep?" in winnow(
        tmp_path, "filter", str(photos), "--out", str(out), "--set", "cut.kep=1", fails=True
    )
