"""The pipeline `competition` on a small built-in sample, as a stranger runs it."""

import json

import pytest

from small_pipelines import CHANGES, add_pipeline
from tiny_project import clone, dvc
from winnow.workspace import Workspace

pytestmark = pytest.mark.pipeline


def test_every_image_has_its_outcome_and_a_second_run_does_nothing(root, tmp_path):
    folder = add_pipeline(root, clone(root, tmp_path / "competition"), "competition")
    dvc(folder, "repro")

    counts = json.loads((folder / "metrics/round-2.json").read_text())
    assert counts["images"] == 140 == counts["kept"] + counts["relabelled"] + counts["dropped"]
    rounds = Workspace(folder).table("round", number="2")
    assert (
        rounds["final_label"].value_counts().drop(-1, errors="ignore").min()
        >= CHANGES["competition"]["cleaning"]["class_floor"]
    )
    assert "class_floor" in set(rounds["rule"])  # an encoder of two epochs would empty classes
    package = json.loads((folder / "metrics/package.json").read_text())
    training = len(list((folder / "submission/train").rglob("*.png")))
    assert training == 160 and package["count"].startswith(f"{training} + ")
    assert set(json.loads((folder / "metrics/summary.json").read_text())) >= {"raw", "cleaned"}

    assert "Data and pipelines are up to date" in dvc(folder, "repro")
