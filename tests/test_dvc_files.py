"""What a kill leaves of DVC's own files: cut anywhere, they are put right, and nothing is computed again."""

import json
import shutil
from pathlib import Path

import pytest

from stub_project import call, make_project, winnow
from winnow import dvc_files as module
from winnow.dvc_files import repair
from winnow.scan.run import run_pipeline


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(module, "_MOMENT", 0)


@pytest.fixture
def repository(tmp_path) -> Path:
    """A commit with a whole lock, as DVC writes it."""
    call(tmp_path, "git", "init", "-q")
    stages = [
        f"  s{i}:\n    cmd: python s{i}.py\n    outs:\n    - path: s{i}.txt\n      md5: {'a' * 32}\n" for i in range(3)
    ]
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages:\n" + "".join(stages))
    call(tmp_path, "git", "add", "-A")
    call(tmp_path, "git", "commit", "-q", "-m", "start")
    return tmp_path


@pytest.mark.parametrize(
    "content", ["", "sch", "schema: '2.0'\nstages:\n", "\0" * 40, "stages:\n  s0:\n    cmd: a\n    outs:\n    - md"]
)
def test_a_cut_lock_becomes_the_one_that_git_keeps(repository, content):
    whole = (repository / "dvc.lock").read_text()
    (repository / "dvc.lock").write_text(content)
    (sentence,) = repair(repository)
    assert "dvc.lock was cut by a killed run; the one that git holds is back in its place" in sentence
    assert (repository / "dvc.lock").read_text() == whole and repair(repository) == []


def test_the_staged_lock_comes_before_the_last_commit_s(repository):
    whole = (repository / "dvc.lock").read_text()
    staged = whole.replace("a" * 32, "b" * 32)
    (repository / "dvc.lock").write_text(staged)
    call(repository, "git", "add", "dvc.lock")
    (repository / "dvc.lock").write_text("")
    repair(repository)
    assert (repository / "dvc.lock").read_text() == staged
    call(repository, "git", "reset", "-q")
    (repository / "dvc.lock").write_text("")
    repair(repository)
    assert (repository / "dvc.lock").read_text() == whole


def test_a_lock_with_the_marks_of_a_merge_is_left_to_a_person(repository):
    (repository / "dvc.lock").write_text("<<<<<<< HEAD\n" + (repository / "dvc.lock").read_text())
    assert repair(repository) == []


def test_wherever_a_lock_is_cut_it_is_whole_afterwards(repository):
    whole = (repository / "dvc.lock").read_bytes()
    for end in range(0, len(whole), 7):
        (repository / "dvc.lock").write_bytes(whole[:end])
        repair(repository)
        assert module._is_lock((repository / "dvc.lock").read_bytes())


def test_a_cut_lock_that_no_commit_has_is_removed(repository):
    (repository / "pipelines/second").mkdir(parents=True)
    lock = repository / "pipelines/second/dvc.lock"
    lock.write_text("schema")
    (sentence,) = repair(repository)
    assert sentence.startswith("pipelines/second/dvc.lock was cut") and "is removed" in sentence and not lock.exists()


def test_a_cut_list_of_running_commands_goes_and_a_whole_one_stays(repository):
    running = repository / ".dvc/tmp/rwlock"
    running.parent.mkdir(parents=True)
    running.write_text(json.dumps({"write": {}, "read": {"a": [{"pid": 1, "cmd": "dvc repro"}]}}))
    assert repair(repository) == [] and running.exists()
    running.write_text('{"write": {}, "rea')
    (sentence,) = repair(repository)
    assert "rwlock was cut" in sentence and not running.exists()


def test_a_file_that_is_being_written_is_left_alone(repository, monkeypatch):
    lock = repository / "dvc.lock"
    whole = lock.read_text()
    lock.write_text("")
    monkeypatch.setattr(module.time, "sleep", lambda _: lock.write_text(whole))
    assert repair(repository) == []


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A project run by DVC, then run again with another threshold and not committed."""
    folder = make_project(tmp_path_factory.mktemp("cut") / "project", Path(__file__).resolve().parents[1])
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("ood_threshold: 0.5", "ood_threshold: 0.6"))
    assert "Running stage 'curate'" in call(folder, "dvc", "repro")
    (folder / ".winnow").mkdir(exist_ok=True)
    (folder / ".winnow/sweep.yaml").write_text("grid:\n  curate.ood_threshold: [0.75]\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["", "schema: '2.0'\nstag", None])
@pytest.mark.parametrize("running", ["", '{"write": {"/x', None])
def test_after_a_kill_dvc_goes_on_and_computes_no_score_again(template, tmp_path, lock, running):
    project = Path(shutil.copytree(template, tmp_path / "project", symlinks=True))
    if lock is not None:
        (project / "dvc.lock").write_text(lock)
    if running is not None:
        (project / ".dvc/tmp/rwlock").write_text(running)
    if lock is not None or running is not None:
        call(project, "dvc", "repro", fails=True)
        assert "by a killed run" in winnow(project, "reuse")
    output = call(project, "dvc", "repro")
    assert "Running stage 'score'" not in output and "Running stage 'curate'" not in output
    assert (project / "data/interim/decisions.txt").read_text() == "0.6"


@pytest.mark.slow
def test_a_slot_of_a_sweep_that_was_killed_runs_again(template, tmp_path):
    project = Path(shutil.copytree(template, tmp_path / "project", symlinks=True))
    call(project, "git", "commit", "-q", "-a", "-m", "run")
    winnow(project, "sweep", ".winnow/sweep.yaml")
    slot = next((project / ".winnow/sweeps").glob("slot-*"))
    (slot / ".dvc/tmp/rwlock").write_text('{"wri')
    (slot / "dvc.lock").write_text("")
    (project / ".winnow/sweep.yaml").write_text("grid:\n  curate.ood_threshold: [0.85]\n")
    winnow(project, "sweep", ".winnow/sweep.yaml")


def test_from_the_folder_of_a_pipeline_its_lock_and_the_list_above_are_put_right(repository):
    """In which a cut list of the repository's stops every pipeline."""
    folder = repository / "pipelines/second"
    folder.mkdir(parents=True)
    shutil.copy(repository / "dvc.lock", folder)
    call(repository, "git", "add", "-A")
    call(repository, "git", "commit", "-q", "-m", "second")
    (folder / "dvc.lock").write_text("sch")
    (repository / ".dvc/tmp").mkdir(parents=True)
    (repository / ".dvc/tmp/rwlock").write_text("")
    said = repair(folder)
    assert [sentence.partition(" ")[0] for sentence in said] == ["pipelines/second/dvc.lock", ".dvc/tmp/rwlock"]
    assert (folder / "dvc.lock").read_bytes() == (repository / "dvc.lock").read_bytes()


@pytest.mark.slow
def test_a_scan_that_was_killed_goes_on(template, tmp_path):
    project = Path(shutil.copytree(template, tmp_path / "project", symlinks=True))
    (project / ".dvc/tmp/rwlock").write_text('{"wri')
    (project / "dvc.lock").write_text("")
    said: list[str] = []
    run_pipeline(project, targets=["evaluate"], say=said.append)
    assert "rwlock was cut by a killed run" in said[1] and "dvc.lock was cut" in said[0]
