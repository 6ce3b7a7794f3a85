"""What the wheel ships, and that it is enough: from its content alone, in a folder of one's own."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from once import built_once
from stub_project import environment
from tiny_project import encoded, picture
from winnow.scan.shipped import FILES


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory) -> Path:
    """The wheel's content."""

    def build(folder: Path) -> None:
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
        (wheel,) = (folder / "dist").glob("*.whl")
        zipfile.ZipFile(wheel).extractall(folder / "site")

    return built_once(tmp_path_factory, "wheel", build) / "site"


def winnow(site: Path, folder: Path, *arguments: str | Path) -> str:
    """Run a command of the wheel's winnow, not of the source tree's."""
    command = [sys.executable, "-P", "-m", "winnow.cli", *map(str, arguments)]
    own = environment() | {"PYTHONPATH": str(site), "COLUMNS": "80"}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def pets(tmp_path) -> Path:
    """An ImageFolder of 40 discs, bars and crosses each, oblong, so that they are scored at their own size; two cards
    are in wrong boxes, one twice, and one file is no image."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(("disc", "bars", "cross")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(40):
            pixels = np.asarray(Image.fromarray(picture(label, rng)).resize((70, 50)))
            (tmp_path / "pets" / name / f"{i:02d}.jpg").write_bytes(encoded(pixels))
    shutil.move(tmp_path / "pets/disc/00.jpg", tmp_path / "pets/bars/wrong.jpg")
    shutil.copy(tmp_path / "pets/disc/01.jpg", tmp_path / "pets/disc/twice.jpg")
    (tmp_path / "pets/disc/broken.jpg").write_bytes(b"nothing")
    return tmp_path / "pets"


def test_the_wheel_ships_its_types_the_review_app_and_the_pipeline(unpacked, root):
    (wheel,) = (unpacked.parent / "dist").glob("*.whl")  # what was unpacked of it has run since
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"winnow/py.typed", "winnow/cli.py", "winnow/review/static/index.html"} <= names
    assert {f"winnow/shipped/{path}" for path in FILES if (root / path).is_file()} <= names
    assert {f"winnow/shipped/stages/{path.name}" for path in (root / "stages").glob("*.py")} <= names
    assert not any(name.startswith(("stages/", "tests/")) or "__pycache__" in name for name in names)
    assert "winnow_images-0.1.0.dist-info/METADATA" in names


def test_init_makes_a_workspace_from_the_wheel_and_runs_nothing(unpacked, pets):
    output = winnow(unpacked, pets.parent, "init", "pets", "--to", "mine", "--set", "validation.per_class=3")
    assert "ImageFolder, <label>/<image>; 70x50 pixels" in output
    params = yaml.safe_load((pets.parent / "mine/params.yaml").read_text())
    data = params["data"]
    assert (data["archive"], data["image_size"], data["train_size"]) == ("../pets", None, 32)
    assert params["validation"]["per_class"] == 3
    assert not (pets.parent / "mine/dvc.lock").exists()


@pytest.mark.pipeline
def test_from_the_wheel_alone_images_are_scanned_and_exported(unpacked, pets):
    """Small networks for one pass, and a map without UMAP: what counts is that all of it runs and adds up."""
    folder, before = pets.parent, {path: path.read_bytes() for path in pets.rglob("*.jpg")}
    quick = ["embed.trained.epochs=2", "map.method=pca", "embed.trained.folds=2"]
    output = winnow(unpacked, folder, "scan", "pets", *(part for value in quick for part in ("--set", value)))
    workspace = folder / "pets-winnow"
    assert "exact duplicate" in output and "Images that could not be used: 1;" in output
    assert "winnow review" in output
    assert {path: path.read_bytes() for path in pets.rglob("*.jpg")} == before
    ledger = pd.read_parquet(workspace / "data/processed/ledger.parquet")
    assert len(ledger) == 121
    copies = ledger[ledger["rule"] == "exact_duplicate"]
    assert set(copies["file_name"]) < {"disc/01.jpg", "disc/twice.jpg"} and len(copies) == 1
    assert not (workspace / "src").exists() and not os.path.lexists(workspace / "models")

    again = winnow(unpacked, folder, "scan", "pets", "--top", "0")
    assert "12 of 12 steps were up to date." in again
    done = subprocess.run(["git", "status", "--porcelain"], cwd=workspace, capture_output=True, text=True, check=True)
    assert done.stdout == ""

    output = winnow(unpacked, workspace, "export", "--to", "../cleaned")
    kept = len(ledger) - (ledger["action"] == "drop").sum()
    assert f"wrote {kept} of 122 images" in output
    written = [path.read_bytes() for path in (folder / "cleaned/images").rglob("*.jpg")]
    assert len(written) == kept and set(written) <= set(before.values())
    changes = pd.read_csv(folder / "cleaned/changes.csv")
    assert len(changes) == 122 - (ledger["action"] == "keep").sum()
