"""A last commit whose dvc.lock is another machine's: nothing that was computed here is computed again."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from stub_project import call, environment, make_project, winnow
from winnow.errors import WinnowError
from winnow.experiments.repository import Repository
from winnow.experiments.worktrees import Source

pytestmark = pytest.mark.slow

SCORES = "data/interim/scores.txt"


def foreign(folder: Path) -> None:
    """Commit dvc.lock with other scores than this machine comes to, as if its author's machine had made them."""
    lock = folder / "dvc.lock"
    content = yaml.safe_load(lock.read_text())
    here = content["stages"]["score"]["outs"][0]["md5"]
    lock.write_text(lock.read_text().replace(here, "f" * 32))
    call(folder, "git", "commit", "-q", "-a", "-m", "of another machine")


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """Cloned and run: the workspace's dvc.lock, staged by DVC, is this machine's; the last commit's is not."""
    folder = make_project(tmp_path_factory.mktemp("foreign") / "project", Path(__file__).resolve().parents[2])
    foreign(folder)
    assert "Running stage 'score'" in call(folder, "dvc", "repro")
    assert call(folder, "git", "status", "--porcelain") == "M  dvc.lock\n"
    (folder / ".winnow").mkdir(exist_ok=True)
    (folder / ".winnow/sweep.yaml").write_text("grid:\n  curate.ood_threshold: [0.6, 0.75]\n")
    rows = [{"name": "a", "label": "a", "changes": {}}, {"name": "b", "label": "b", "over": "a", "changes": {}}]
    rows[1]["changes"] = {"curate.ood_threshold": 0.7}
    (folder / ".winnow/study.yaml").write_text(yaml.safe_dump({"title": "A study", "rows": rows}))
    return folder


@pytest.fixture
def project(template, tmp_path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project", symlinks=True))


def stages_run(folder: Path) -> dict[str, list[str]]:
    """The stages that each run of a sweep ran, by its log."""
    return {
        log.stem: [line.split("'")[1] for line in log.read_text().splitlines() if line.startswith("Running stage")]
        for log in (folder / ".winnow/sweeps/logs").glob("*.log")
    }


def pipeline_below(project: Path) -> Path:
    """The dvc.lock of a committed pipeline below the root, whose results this machine does not have."""
    below = project / "pipelines/below"
    below.mkdir(parents=True)
    (below / "dvc.yaml").write_text("stages:\n  make:\n    cmd: echo made > made.txt\n    outs: [made.txt]\n")
    out = {"path": "made.txt", "hash": "md5", "md5": "f" * 32, "size": 5}
    content = {"schema": "2.0", "stages": {"make": {"cmd": "echo made > made.txt", "outs": [out]}}}
    (below / "dvc.lock").write_text(yaml.safe_dump(content))
    (below / ".gitignore").write_text("made.txt\n")
    call(project, "git", "add", "pipelines")
    call(project, "git", "commit", "-q", "-m", "another pipeline", "--", "pipelines")
    return below / "dvc.lock"


def test_the_pipelines_below_keep_their_locks_and_hold_no_sweep_up(project):
    lock = pipeline_below(project)
    before = lock.read_bytes()
    assert winnow(project, "reuse") == ""
    assert "2 of 2 done" in winnow(project, "sweep", ".winnow/sweep.yaml")
    assert lock.read_bytes() == before


@pytest.mark.parametrize("state", ["staged", "not staged", "committed", "of an experiment"])
def test_a_sweep_scores_nothing_again(project, state):
    if state == "not staged":
        call(project, "git", "reset", "-q")
    elif state == "committed":
        call(project, "git", "commit", "-q", "-m", "run here")
    elif state == "of an experiment":
        call(project, "dvc", "exp", "run", "-S", "curate.ood_threshold=0.9")
        call(project, "git", "checkout", "params.yaml")
    winnow(project, "sweep", ".winnow/sweep.yaml")
    assert stages_run(project) == {f"ood_threshold-{value}": ["curate", "evaluate"] for value in ("0.6", "0.75")}
    repository = Repository(project)
    for experiment in repository.experiments():
        assert experiment.baseline == repository.head()
        lock = yaml.safe_load(repository.read("dvc.lock", experiment.rev))["stages"]
        assert lock["score"] == yaml.safe_load((project / "dvc.lock").read_text())["stages"]["score"]


def test_an_ablation_scores_nothing_again(project):
    winnow(project, "ablation", ".winnow/study.yaml", "--out", ".winnow/out")
    assert stages_run(project) == {"study-a": [], "study-b": ["curate", "evaluate"]}


@pytest.mark.parametrize("command", [["sweep", ".winnow/sweep.yaml"], ["ablation", ".winnow/study.yaml"]])
def test_runs_that_would_score_again_are_refused(project, command):
    """`git checkout .` after an experiment, or a clone in which nothing ran."""
    call(project, "dvc", "exp", "run", "-S", "curate.ood_threshold=0.9")
    call(project, "git", "checkout", ".")
    output = winnow(project, *command, fails=True)
    assert output.startswith("winnow: dvc.lock names results of score that this machine does not have")
    assert "run 'make repro' first" in output and output.count("\n") == 1
    assert not (project / ".winnow/sweeps/logs").exists()


def test_results_that_only_the_workspace_has_are_to_be_stored_first(project):
    shutil.rmtree(project / ".dvc/cache/files")
    with pytest.raises(WinnowError, match=r"lacks the results of curate, score, .*'dvc commit' first"):
        Source(Repository(project), {})
    call(project, "dvc", "commit", "--force")
    Source(Repository(project), {})


def repro(folder: Path) -> str:
    """What `make repro` does."""
    return winnow(folder, "reuse") + call(folder, "dvc", "repro")


def assert_nothing_scored(output: str, folder: Path) -> None:
    assert "Running stage 'score'" not in output
    assert "Stage 'score' is cached - skipping run" in output
    assert (folder / SCORES).read_text() == "ARCHIVE"
    assert "Running" not in call(folder, "dvc", "repro")


def test_a_checkout_after_an_experiment_starts_nothing_over(project):
    call(project, "dvc", "exp", "run", "-S", "curate.ood_threshold=0.9")
    call(project, "git", "checkout", ".")
    output = repro(project)
    assert output.startswith("dvc.lock named results that this machine does not have, of score;")
    assert_nothing_scored(output, project)


def test_a_fresh_clone_with_a_cache_asks_the_run_cache(project, tmp_path):
    clone = tmp_path / "clone"
    call(tmp_path, "git", "clone", "-q", str(project), str(clone))
    (clone / "data/raw").mkdir(parents=True)
    shutil.copy(project / "data/raw/archive.zip", clone / "data/raw")
    call(clone, "dvc", "config", "--local", "cache.dir", str(project / ".dvc/cache"))
    assert_nothing_scored(repro(clone), clone)


@pytest.mark.parametrize("content", ["", "schema: '2.0'\nstages:\n  score:\n    cmd: ["])
def test_a_cut_dvc_lock_starts_nothing_over(project, content):
    """A kill while DVC writes it leaves it empty or cut."""
    (project / "dvc.lock").write_text(content)
    winnow(project, "sweep", ".winnow/sweep.yaml")
    assert stages_run(project) == {f"ood_threshold-{value}": ["curate", "evaluate"] for value in ("0.6", "0.75")}
    assert "Running" not in call(project, "dvc", "repro")


def test_a_dvc_lock_with_the_marks_of_a_merge_is_told_and_starts_nothing_over(project):
    (project / "dvc.lock").write_text("<<<<<<< HEAD\n")
    for command in (["reuse"], ["sweep", ".winnow/sweep.yaml"]):
        output = winnow(project, *command, fails=True)
        assert output.startswith("winnow: DVC cannot read the pipeline: ") and output.count("\n") == 1
        assert "'git checkout dvc.lock' brings back the last commit's" in output
    call(project, "git", "checkout", "HEAD", "dvc.lock")
    assert_nothing_scored(repro(project), project)


def test_what_is_here_is_not_forgotten(project):
    """In the cache, or in the workspace only; and where nothing was computed yet, the lock is not touched."""
    before = (project / "dvc.lock").read_bytes()
    assert winnow(project, "reuse") == ""
    shutil.rmtree(project / ".dvc/cache/files")
    assert winnow(project, "reuse") == ""
    shutil.rmtree(project / ".dvc/cache")
    shutil.rmtree(project / "data/interim")
    assert winnow(project, "reuse") == ""
    assert (project / "dvc.lock").read_bytes() == before


@pytest.mark.parametrize("command", [["reuse"], ["best"], ["sweep", ".winnow/sweep.yaml", "--dry"]])
def test_a_folder_without_git_says_what_to_do(project, command):
    shutil.rmtree(project / ".git")
    output = winnow(project, *command, fails=True)
    assert "is in no git repository" in output and "run 'git init' there" in output and output.count("\n") == 1


def test_a_machine_without_git_says_so(project):
    command = ["python", "-m", "winnow.cli", "best"]
    path = {"PATH": str(Path(shutil.which("python")).parent)}
    done = subprocess.run(command, cwd=project, env=environment() | path, capture_output=True, text=True)
    assert done.stderr.startswith("winnow: the program git is not on PATH") and done.returncode == 1
