"""The list of runs to choose from: every run once, and the one to beat always in it."""

import re
import shutil
from pathlib import Path

import pytest

from stub_project import call, make_project, winnow


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A clean workspace at 0.5, and two experiments: 0.4 and 0.75."""
    folder = make_project(tmp_path_factory.mktemp("best") / "project", Path(__file__).resolve().parents[2])
    for name, value in (("worse", 0.4), ("better", 0.75)):
        call(folder, "dvc", "exp", "run", "-n", name, "-S", f"curate.ood_threshold={value}")
    call(folder, "git", "checkout", ".")
    call(folder, "dvc", "checkout")
    return folder


@pytest.fixture
def project(template, tmp_path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project", symlinks=True))


def runs(output: str) -> list[str]:
    """The runs that are listed, best first, with what they change: `2 HEAD (workspace): …`."""
    rows = [line.split() for line in output.splitlines() if re.match(r"\s*\d+ .* 0\.\d{4} ", line)]
    names = [" ".join(word for word in row[1:3] if not word[0].isdigit()) for row in rows]
    return [f"{row[0]} {name}" for row, name in zip(rows, names, strict=True)]


def test_a_clean_workspace_is_the_last_commit(project):
    output = winnow(project, "best")
    assert runs(output) == ["1 better", "2 HEAD (workspace)", "3 worse"]
    assert "curate.ood_threshold 0.75" in output
    assert "the workspace is the best run" not in output


@pytest.mark.parametrize("how", ["run", "applied", "run and staged"])
def test_a_workspace_that_is_an_experiment_is_listed_once_and_the_last_commit_beside_it(project, how):
    if how == "applied":
        call(project, "dvc", "exp", "apply", "better")
    else:
        call(project, "dvc", "exp", "run", "-f", "-n", "again", "-S", "curate.ood_threshold=0.75")
        call(project, "dvc", "exp", "remove", "again")
    if how == "run and staged":
        call(project, "git", "add", "-A")
    output = winnow(project, "best")
    assert runs(output) == ["1 better (workspace)", "2 HEAD", "3 worse"]
    assert "curate.ood_threshold 0.5" in next(line for line in output.splitlines() if "HEAD" in line)
    assert "the workspace is the best run; there is nothing to apply." in winnow(project, "best", "--apply")


def test_a_workspace_like_no_other_is_listed_for_itself(project):
    call(project, "dvc", "repro", "-q")
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("ood_threshold: 0.5", "ood_threshold: 0.6"))
    call(project, "dvc", "repro", "-q")
    assert runs(winnow(project, "best")) == ["1 better", "2 workspace", "3 HEAD", "4 worse"]


def test_the_last_commit_is_there_however_few_are_asked_for(project):
    call(project, "dvc", "exp", "apply", "worse")
    assert runs(winnow(project, "best", "--top", "1")) == ["1 better", "2 HEAD", "3 worse (workspace)"]


def test_another_run_is_applied_over_a_workspace_that_is_recorded(project):
    call(project, "dvc", "exp", "apply", "worse")
    assert "better is now the workspace" in winnow(project, "best", "--apply")
    assert runs(winnow(project, "best")) == ["1 better (workspace)", "2 HEAD", "3 worse"]
    call(project, "dvc", "exp", "apply", "worse")
    call(project, "dvc", "exp", "remove", "better")
    assert "HEAD is now the workspace" in winnow(project, "best", "--apply")
    assert call(project, "git", "status", "--porcelain") == ""
    assert (project / "data/interim/decisions.txt").read_text() == "0.5"


def test_experiments_of_other_commits_are_counted(project):
    call(project, "git", "commit", "-q", "--allow-empty", "-m", "next")
    output = winnow(project, "best")
    assert runs(output) == ["1 HEAD (workspace)"]
    assert "2 experiments hang off other commits; --all lists them too." in output
    assert runs(winnow(project, "best", "--all")) == ["1 better", "2 HEAD (workspace)", "3 worse"]
