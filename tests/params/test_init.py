"""`winnow init`: a config becomes params.yaml, and nothing that no commit has is lost."""

import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from stub_project import call
from winnow.cli import app
from winnow.params import load_params
from winnow.params.configs import compose
from winnow.params.init import params_text
from winnow.tables import records


@pytest.fixture
def workspace(root, tmp_path, monkeypatch):
    """A git repository with the repository's configs and its params.yaml, committed; the working directory."""
    (tmp_path / "configs").mkdir()
    for file in (root / "configs").glob("*.*"):
        (tmp_path / "configs" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        call(tmp_path, "git", *arguments)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments):
    return CliRunner().invoke(app, ["init", *arguments])


def test_the_repository_s_params_are_what_init_base_writes(root):
    assert (root / "params.yaml").read_text() == params_text("base", [], folder=root), "run 'winnow init base'"


def test_it_writes_the_whole_config_with_what_was_set(workspace):
    done = init("ds801", "--set", "augment.budget=20000", "--set", "train.seeds=[0, 1]", "--set", "train.patience=null")
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((workspace / "params.yaml").read_text())
    assert records(written) == records(compose("ds801")) | {"augment.budget": 20000, "train.seeds": [0, 1]}
    load_params(workspace / "params.yaml")
    head = (workspace / "params.yaml").read_text().splitlines()[:2]
    assert head[0] == "# yaml-language-server: $schema=configs/params.schema.json"
    assert "winnow init ds801 --set augment.budget=20000 --set 'train.seeds=[0, 1]'" in head[1]


def test_a_pipeline_below_finds_the_configs_above(workspace, monkeypatch):
    folder = workspace / "pipelines/gap"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert init("imagefolder").exit_code == 0
    assert "$schema=../../configs/params.schema.json\n" in (folder / "params.yaml").read_text()
    assert load_params(folder / "params.yaml").augment.budget == 10000


def test_it_overwrites_what_a_commit_has_and_what_it_would_write_anyway(workspace):
    assert init("ds801").exit_code == 0
    assert init("ds801").exit_code == 0, "uncommitted, but nothing would be lost"


@pytest.mark.parametrize("held", ["changed", "never committed", "ignored", "no repository"])
def test_changes_that_no_commit_has_are_kept_unless_forced(workspace, held):
    path = workspace / "params.yaml"
    if held in ("never committed", "ignored"):
        call(workspace, "git", "rm", "-q", "--cached", "params.yaml")
        call(workspace, "git", "commit", "-q", "-m", "without")
    if held == "ignored":
        (workspace / ".gitignore").write_text("params.yaml\n")
    if held == "no repository":
        (workspace / ".git").rename(workspace / "git")
    mine = path.read_text().replace("ood_threshold: 0.5", "ood_threshold: 0.4")
    path.write_text(mine)
    done = init("ds801")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
    assert "params.yaml has changes that no commit has; commit them first, or drop them with --force." in done.stderr
    assert path.read_text() == mine
    assert init("ds801", "--force").exit_code == 0
    assert load_params(path).curate.ood_threshold == 0.5
    assert sorted(file.name for file in workspace.iterdir() if file.name.startswith(".params")) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ds80"], "there is no config 'ds80' in configs/ (did you mean ds801?)"),
        (["ds801", "--set", "curate.ood_treshold=0.4"], "did you mean curate.ood_threshold?"),
        (["ds801", "--set", "curate=0.4"], "curate is a section; name one of its keys"),
        (["ds801", "--set", "curate.ood_threshold"], "--set takes key=value"),
        (["ds801", "--set", "train.course.learning_rate=1e-5"], "write 1.0e-05"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(workspace, arguments, words):
    before = (workspace / "params.yaml").read_bytes()
    done = init(*arguments)
    assert done.exit_code == 1
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert (workspace / "params.yaml").read_bytes() == before


def test_it_imports_nothing_that_takes_long(root, workspace):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "winnow.cli", "init", "ds801"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(root / "src")},
        check=True,
    )
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "pydantic" in loaded
    assert not loaded & {"numpy", "pandas", "pyarrow", "torch", "cv2", "PIL", "dvc", "ruamel.yaml"}


@pytest.mark.parametrize("name", ["d/missing", "photos.zip"])
def test_images_that_are_not_there_are_said_to_be_missing(workspace, name):
    done = init(name)
    assert done.exit_code == 1
    assert f"there is nothing at {name}; name a folder, zip, tar or table of images" in done.stderr
    assert ", or a config of configs/: base, " in done.stderr


def test_without_configs_any_name_is_that_of_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        "there is nothing at photos; name a folder, zip, tar or table of images, a YAML file." in init("photos").stderr
    )
