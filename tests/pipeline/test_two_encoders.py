"""Encoders side by side, two of a kind among them, through the stages that read features: weights, columns, photos."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import yaml
from safetensors.torch import save_file

from tiny_project import CLASSES, clone, encoded, picture, run_stage
from winnow import tables
from winnow.encoders.columns import picture_features

pytestmark = [pytest.mark.pipeline]
PREPROCESSING = {"input_size": 64, "mean": [0.5] * 3, "std": [0.5] * 3}
STAGES = (
    "build_manifest",
    "embed",
    "find_duplicates",
    "crossval_pred_probs",
    "find_label_issues",
    "score_ood",
    "project_map",
    "import_outside_photos",
)


def choose(folder: Path, encoder: str | list[str]) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["data"]["outside_photos"] = "data/raw/photos"
    params["embed"]["encoder"] = encoder
    params["embed"]["timm"] |= {"model": "test_resnet", "checkpoint": "weights.safetensors", **PREPROCESSING}
    params["embed"]["variants"] = {"trained-24": {"input_size": 24, "weight_candidates": [0.3]}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


@pytest.fixture
def project(root, tmp_path) -> Path:
    """The tiny archive, photos of its classes from elsewhere, and the weights of a network that was never trained."""
    folder = clone(root, tmp_path / "tiny")
    torch.manual_seed(0)
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), folder / "weights.safetensors")
    rng = np.random.default_rng(5)
    for label, name in enumerate(CLASSES):
        for number in range(4):
            photo = folder / f"data/raw/photos/{name}/{number}.jpg"
            photo.parent.mkdir(parents=True, exist_ok=True)
            photo.write_bytes(encoded(np.kron(picture(label, rng), np.ones((2, 2, 1), np.uint8))))
    return folder


def test_several_encoders_meet_in_one_table_of_features(project):
    choose(project, ["timm", "trained", "trained-24"])
    for stage in STAGES:
        run_stage(project, stage)
    metrics = tables.read_json(project / "data/interim/embedding.json")
    log_loss = metrics["log_loss_by_weights"]
    assert list(log_loss) == ["[1.0, 0.5, 0.3]", "[1.0, 1.0, 0.3]"]
    assert list(metrics["plain_log_loss_by_weights"]) == list(log_loss)
    assert str(list(metrics["weights"].values())) == min(log_loss, key=log_loss.__getitem__)
    both = tables.read_arrays(project / "data/interim/features.npz")
    trained = 2 * 4 * 8  # dimensions: of each of two four times the width
    assert metrics["dimensions"] == both["features"].shape[1] > trained
    photos = pd.read_parquet(project / "data/interim/outside.parquet")
    assert len(photos) == 12 and photos["encoder_agrees"].mean() > 0.8

    choose(project, "timm")
    run_stage(project, "embed")
    alone = tables.read_arrays(project / "data/interim/features.npz")["features"]
    assert alone.shape[1] == both["features"].shape[1] - trained
    np.testing.assert_allclose(picture_features(both), alone, atol=1e-6)
