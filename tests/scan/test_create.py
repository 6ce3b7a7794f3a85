"""A workspace of one's own: written, committed, and refused where it would lie on something else."""

import subprocess
from pathlib import Path

import pytest
import yaml

from stub_project import call
from winnow.errors import WinnowError
from winnow.params import load_params
from winnow.scan.create import (
    archive_path,
    commit,
    create_workspace,
    default_workspace,
    is_workspace,
    refresh_versions,
)

SETTINGS = {"data.archive": "../pets", "data.image_size": 48}


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "pets-winnow"
    create_workspace(folder, settings=SETTINGS, more=["curate.class_floor=3"], archive="pets")
    return folder


def test_a_new_workspace_is_a_committed_dvc_project(workspace, tmp_path):
    assert is_workspace(workspace) and not is_workspace(tmp_path)
    params = load_params(workspace / "params.yaml")
    assert (params.data.archive, params.data.image_size, params.curate.class_floor) == ("../pets", 48, 3)
    assert (params.data.test_archive, params.data.truth, params.data.class_names) == ("data/none", "data/none", [])
    assert call(workspace, "git", "status", "--porcelain") == ""
    assert call(workspace, "git", "log", "--format=%s").strip() == "Set up winnow for pets"
    stages = set(yaml.safe_load((workspace / "dvc.yaml").read_text())["stages"])
    listed = call(workspace, "dvc", "stage", "list", "--name-only").split()
    assert {name.partition("@")[0] for name in listed} == stages


def test_what_lies_in_the_way_is_not_touched(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WinnowError, match="no workspace of winnow's; name another with --to"):
        create_workspace(tmp_path, settings=SETTINGS, more=[], archive="pets")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_is_left_of_a_workspace_with_a_wrong_setting(tmp_path):
    with pytest.raises(WinnowError, match="class_flor"):
        create_workspace(tmp_path / "w", settings=SETTINGS, more=["curate.class_flor=3"], archive="pets")
    assert not (tmp_path / "w").exists()


def test_a_commit_needs_no_name_of_its_own(workspace, monkeypatch, tmp_path):
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    (workspace / "new.txt").write_text("new")
    commit(workspace, "Mine")
    commit(workspace, "Nothing new")
    done = subprocess.run(["git", "log", "--format=%s"], cwd=workspace, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "Mine"


def test_an_upgraded_package_is_noted(workspace):
    note = workspace / "versions/numpy.txt"
    before = note.read_text()
    note.write_text("numpy==0.1\n")
    refresh_versions(workspace)
    assert note.read_text() == before


@pytest.mark.parametrize(
    ("source", "folder", "path"),
    [
        ("a/pets", "a/pets-winnow", "../pets"),  # side by side: they move together
        ("a/w/data/raw/pets.zip", "a/w", "data/raw/pets.zip"),
        ("b/pets", "a/pets-winnow", None),  # else the whole path
    ],
)
def test_how_params_name_the_data(tmp_path, source, folder, path):
    assert archive_path(tmp_path / source, tmp_path / folder) == (path or (tmp_path / source).as_posix())


def test_the_workspace_lies_beside_the_data(tmp_path):
    (tmp_path / "my.pets").mkdir()
    assert default_workspace(tmp_path / "my.pets") == tmp_path / "my.pets-winnow"
    assert default_workspace(Path(tmp_path / "pets.tar.gz")) == tmp_path / "pets-winnow"
