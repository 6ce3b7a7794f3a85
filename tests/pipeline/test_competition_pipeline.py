"""The pipeline `competition` on a small built-in sample, as a stranger runs it."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tiny_project import clone, dvc
from winnow.workspace import Workspace

pytestmark = pytest.mark.pipeline
PIPELINE = Path(__file__).parents[2] / "pipelines/competition"
CHANGES = {
    "competition_sample": {"train": 8, "val": 6, "label_book": 3, "test": 5},
    "valuation": {"epochs": 2, "checkpoints": [1], "recalibration_images": 50},
    "policy_search": {"images": 40, "sub_policies": 2, "epochs": 1},
    "copies": {"per_class": 16},
}
FLOOR = 6


def test_every_image_has_its_outcome_and_a_second_run_does_nothing(root, tmp_path):
    folder = clone(root, tmp_path / "competition") / "pipelines/competition"
    built = shutil.ignore_patterns("sample", "interim", "processed", "metrics", "models", "submission", ".winnow")
    shutil.copytree(PIPELINE, folder, ignore=built)
    (folder / "dvc.lock").unlink()
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for section, values in CHANGES.items():
        params[section] |= values
    params["cleaning"]["encoder"] |= {"folds": 2, "epochs": 2, "width": 8}
    params["cleaning"] |= {"label_quality_threshold": 0.9, "relabel_confidence": 1.0, "class_floor": FLOOR}
    params["competition_training"]["recipe"]["epochs"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    dvc(folder, "repro")

    counts = json.loads((folder / "metrics/round-2.json").read_text())
    assert counts["images"] == 140 == counts["kept"] + counts["relabelled"] + counts["dropped"]
    rounds = Workspace(folder).table("round", number="2")
    assert rounds["final_label"].value_counts().drop(-1, errors="ignore").min() >= FLOOR
    assert "class_floor" in set(rounds["rule"])  # an encoder of two epochs would empty classes
    package = json.loads((folder / "metrics/package.json").read_text())
    training = len(list((folder / "submission/train").rglob("*.png")))
    assert training == 160 and package["count"].startswith(f"{training} + ")
    assert set(json.loads((folder / "metrics/summary.json").read_text())) >= {"raw", "cleaned"}

    assert "Data and pipelines are up to date" in dvc(folder, "repro")
