"""The pipeline on the tiny archive, built once per run."""

from pathlib import Path

import pytest

from once import built_once
from tiny_project import clone, copy_built, dvc, git


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after its first `dvc repro`, committed; to be read, not changed."""

    def build(folder: Path) -> None:
        clone(Path(__file__).resolve().parents[2], folder)
        assert "balanced accuracy on the test set: baseline" in dvc(folder, "repro")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "built")

    return built_once(tmp_path_factory, "tiny", build)


@pytest.fixture
def built(tiny: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return copy_built(tiny, tmp_path / "tiny")
