"""The runner on a stub pipeline: what is done, skipped, failed, killed, and what each known trap of DVC's would do."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from stub_project import call, environment, make_project, winnow
from winnow.experiments.repository import Repository
from winnow.experiments.runner import running_stage
from winnow.experiments.runs import read_run
from winnow.experiments.staleness import not_whole
from winnow.experiments.worktrees import Slot, Source
from winnow.programs import why_failed

pytestmark = pytest.mark.slow

SWEEP = "grid:\n  curate.ood_threshold: [0.6, 0.0, 0.75]\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return make_project(tmp_path_factory.mktemp("stub") / "project", Path(__file__).resolve().parents[2])


@pytest.fixture
def project(template, tmp_path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project", symlinks=True))


@pytest.fixture(scope="module")
def swept(template, tmp_path_factory) -> tuple[Path, str]:
    """A project after a sweep of three runs, the second of which fails, and what the sweep said."""
    folder = Path(shutil.copytree(template, tmp_path_factory.mktemp("swept") / "project", symlinks=True))
    (folder / ".winnow").mkdir(exist_ok=True)
    (folder / ".winnow/sweep.yaml").write_text(SWEEP)
    return folder, winnow(folder, "sweep", ".winnow/sweep.yaml", fails=True)


def experiments(folder: Path) -> dict[str, str]:
    return {item.name: item.rev for item in Repository(folder).experiments()}


def row(output: str, name: str) -> str:
    return next(line for line in output.splitlines() if line.strip().startswith(f"{name} "))


def test_runs_become_ordinary_experiments(swept):
    folder, output = swept
    assert set(experiments(folder)) == {"ood_threshold-0.6", "ood_threshold-0.75"}
    shown = call(folder, "dvc", "exp", "show", "--csv")
    assert "ood_threshold-0.6" in shown and "ood_threshold-0.75" in shown
    assert "done" in row(output, "ood_threshold-0.75") and "75.00%" in row(output, "ood_threshold-0.75")
    assert "2 of 3 done" in output and "Traceback" not in output


def test_a_failed_run_shows_no_figures_of_its_parent_s(swept):
    folder, output = swept
    failed = row(output, "ood_threshold-0.0")
    assert "failed" in failed and "%" not in failed
    assert "ood_threshold-0.0 failed: curate: curate.ood_threshold is 0." in output
    assert "ood_threshold-0.0" not in experiments(folder)


def test_params_do_not_pile_up_and_the_workspace_is_left_alone(swept):
    folder, _ = swept
    assert call(folder, "git", "status", "--porcelain") == ""
    here = yaml.safe_load((folder / "params.yaml").read_text())
    for value in (0.6, 0.75):
        params = read_run(Repository(folder), f"ood_threshold-{value}").params
        assert params.pop("curate") == here["curate"] | {"ood_threshold": value}
        assert params == {key: section for key, section in here.items() if key != "curate"}


def test_scores_are_reused_and_inputs_that_no_one_tracks_are_there(swept):
    folder, _ = swept
    assert "archive.zip" not in call(folder, "git", "ls-files")
    assert (folder / ".winnow/sweeps/slot-0/data/raw/archive.zip").samefile(folder / "data/raw/archive.zip")
    for name in ("ood_threshold-0.6", "ood_threshold-0.75"):
        log = (folder / f".winnow/sweeps/logs/{name}.log").read_text()
        assert "Stage 'score' didn't change, skipping" in log and "Running stage 'score'" not in log
        assert "Running stage 'curate'" in log
    locks = [yaml.safe_load(Repository(folder).read("dvc.lock", rev))["stages"] for rev in experiments(folder).values()]
    assert len(locks) == 2 and locks[0]["score"] == locks[1]["score"]


def test_a_picture_that_the_user_took_out_leaves_the_slot_too(project):
    photos = project / "data/raw/photos"
    photos.mkdir()
    for name in "ab":
        (photos / f"{name}.jpg").write_text(name)
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["data"]["outside_photos"] = "data/raw/photos"
    slot = project / ".winnow/sweeps/slot-0"
    for left in (["a.jpg", "b.jpg"], ["b.jpg"]):
        Slot(Source(Repository(project), params), 0, None).prepare()
        assert sorted(file.name for file in (slot / "data/raw/photos").iterdir()) == left
        (slot / "data/interim").mkdir(parents=True, exist_ok=True)
        (slot / "data/interim/scores.txt").write_text("an output stays")
        (photos / "a.jpg").unlink(missing_ok=True)
    assert (slot / "data/interim/scores.txt").exists() and (slot / "data/raw/archive.zip").exists()


def test_what_is_done_is_not_made_again(swept):
    folder, _ = swept
    before = experiments(folder)
    logs = folder / ".winnow/sweeps/logs"
    stamp = (logs / "ood_threshold-0.6.log").stat().st_mtime_ns
    output = winnow(folder, "sweep", ".winnow/sweep.yaml", fails=True)
    assert "done before" in row(output, "ood_threshold-0.6")
    assert "failed" in row(output, "ood_threshold-0.0")  # tried again
    assert experiments(folder) == before
    assert (logs / "ood_threshold-0.6.log").stat().st_mtime_ns == stamp


def test_best_ranks_by_validation_and_applies(swept, tmp_path):
    folder = Path(shutil.copytree(swept[0], tmp_path / "project", symlinks=True))
    output = winnow(folder, "best")
    names = [line.split()[1] for line in output.splitlines() if line.strip()[:1].isdigit()]
    assert names == ["ood_threshold-0.75", "ood_threshold-0.6", "HEAD"]
    assert "HEAD (workspace)" in output
    assert "curate.ood_threshold 0.75" in output
    assert "ood_threshold-0.75 is now the workspace" in winnow(folder, "best", "--apply")
    assert yaml.safe_load((folder / "params.yaml").read_text())["curate"]["ood_threshold"] == 0.75
    evaluation = json.loads((folder / "metrics/evaluation.json").read_text())
    assert evaluation["submission"]["test"]["balanced_accuracy"] == 0.75


def test_an_edited_workspace_is_not_overwritten(swept, tmp_path):
    folder = Path(shutil.copytree(swept[0], tmp_path / "project", symlinks=True))
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("class_floor: 0", "class_floor: 1"))
    output = winnow(folder, "best", "--apply", fails=True)
    assert "left out: workspace, no whole run: stage curate ran with another curate.class_floor: 0" in output
    assert "applying ood_threshold-0.75 would overwrite it; commit or 'git stash' first." in output
    assert "class_floor: 1" in (folder / "params.yaml").read_text()
    output = winnow(folder, "sweep", ".winnow/sweep.yaml", fails=True)
    assert "winnow: params.yaml differ" in output and "commit first" in output
    assert "workspace is no whole run" in winnow(folder, "compare", "workspace", "ood_threshold-0.75", fails=True)


@pytest.mark.parametrize(
    "by", ["submission.test.balanced_accuracy", "improvement.test", "submission.test_unseen.balanced_accuracy", "test"]
)
def test_no_run_is_chosen_by_the_test_set(swept, by):
    output = winnow(swept[0], "best", "--by", by, fails=True)
    assert output.startswith(f"winnow: runs are not chosen by {by}: the test set is there to be shown")
    assert output.count("\n") == 1


def test_compare_reads_experiments_branches_tags_and_the_workspace(swept):
    folder, _ = swept
    rev = experiments(folder)["ood_threshold-0.75"]
    call(folder, "git", "branch", "--force", "strict", rev)
    call(folder, "git", "tag", "--force", "v1", rev)
    for name in ("ood_threshold-0.75", "strict", "v1", rev[:10]):
        output = winnow(folder, "compare", "workspace", name, "--json", ".winnow/found.json")
        assert f"{name} is better than workspace: +25.0 points" in " ".join(output.split())
        found = json.loads((folder / ".winnow/found.json").read_text())["comparisons"][0]
        assert found["difference"]["value"] == pytest.approx(0.25)
        # Of 100 images 75 and 50 are right, the same ones: McNemar's test has 25 to 0.
        assert found["mcnemar"] == [{"only_reference": 0, "only_run": 25, "p": pytest.approx(2**-24)}]
    output = winnow(folder, "compare", "workspace", "--arms", "baseline,submission", "--markdown")
    assert output.startswith("**Submission is better than baseline: +20.0 points")
    output = winnow(folder, "compare", "workspace:baseline", "v1:submission", "--split", "validation")
    assert "v1:submission is better than workspace:baseline: +45.0 points" in " ".join(output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["workspace", "ood_treshold-0.6"],
            "there is no experiment, branch or tag 'ood_treshold-0.6' (did you mean ood_",
        ),
        (["workspace"], "comparing takes two runs"),
        (["workspace", "workspace"], "the same run is named twice"),
        (["workspace", "--arms", "baseline,submision"], "there is no arm 'submision'"),
        (["workspace", "--arms", "baseline,submission", "--split", "test_unseen"], ""),
    ],
)
def test_faulty_comparisons_are_one_sentence(swept, arguments, words):
    output = winnow(swept[0], "compare", *arguments, fails=bool(words))
    assert words in output and "Traceback" not in output
    assert not words or output.count("\n") == 1


def test_a_failed_run_in_the_workspace_is_no_whole_run(project):
    """The trap: `dvc exp run` fails, and its new params stand beside the figures of the run before."""
    call(project, "dvc", "exp", "run", "-S", "curate.ood_threshold=0.0", fails=True)
    assert '"balanced_accuracy": 0.5' in (project / "metrics/evaluation.json").read_text()
    words = "stage curate ran with another curate.ood_threshold: 0.5, params.yaml says 0.0"
    call(project, "git", "commit", "-q", "-a", "-m", "wrong")
    for name in ("workspace", "HEAD"):
        output = winnow(project, "compare", "HEAD~1", name, fails=True)
        assert output.startswith(f"winnow: {name} is no whole run: {words}") and output.count("\n") == 1
    output = winnow(project, "best", fails=True)
    assert f"left out: workspace, no whole run: {words}" in output
    assert "winnow: no run is whole; run 'dvc repro'" in output


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "winnow.cli", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


def in_slot(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("WINNOW_SLOT", "").startswith(str(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def slow_sweep(project: Path) -> subprocess.Popen:
    """A sweep of a quick run and one that takes ten minutes, in the second's slow stage."""
    file = project / ".winnow/slow.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        "list:\n  - {curate.ood_threshold: 0.6}\n  - {curate.ood_threshold: 0.65, curate.class_floor: 600}\n"
    )
    process = start(project, "sweep", str(file))
    wait_for(project / ".winnow/sweeps/logs/ood_threshold-0.65_class_floor-600.log", process)
    began = project / ".winnow/sweeps/slot-0/began"
    began.unlink()
    wait_for(began, process)
    return process


def test_a_killed_sweep_is_resumed(project):
    """Killed in the second run's slow stage: the first is not made again, nothing is left running, all are there."""
    process = slow_sweep(project)
    first = experiments(project)
    assert set(first) == {"ood_threshold-0.6"}
    quick = project / ".winnow/quick.yaml"
    quick.write_text("list:\n  - {curate.ood_threshold: 0.6}\n  - {curate.ood_threshold: 0.65}\n")
    assert "another sweep is running" in winnow(project, "sweep", str(quick), fails=True)
    process.kill()
    process.communicate(timeout=60)
    assert in_slot(project), "the killed run went away by itself: this test tests nothing"
    assert call(project, "git", "status", "--porcelain") == ""
    output = winnow(project, "sweep", str(quick))
    assert not in_slot(project)
    assert "2 of 2 done" in output and "done before" in row(output, "ood_threshold-0.6")
    assert experiments(project)["ood_threshold-0.6"] == first["ood_threshold-0.6"]
    assert read_run(Repository(project), "ood_threshold-0.65").params["curate"]["class_floor"] == 0


def test_a_sweep_that_is_asked_to_stop_ends_its_runs(project):
    process = slow_sweep(project)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert not in_slot(project)
    assert process.returncode == 1
    assert b"winnow: interrupted; the same command goes on from here." in output
    assert "stopped" in row(output.decode(), "ood_threshold-0.65_class_floor-600")


def test_a_run_that_never_ends_is_ended(project):
    file = project / ".winnow/hang.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("list:\n  - {curate.class_floor: 3000}\n  - {curate.class_floor: 0}\n")
    output = winnow(project, "sweep", str(file), "--jobs", "2", "--time-limit", "0.4", fails=True)
    assert "class_floor-3000 failed: took longer than 0.4 minutes" in output
    assert "done" in row(output, "class_floor-0")
    assert not in_slot(project)


def test_an_ablation_is_one_command(project):
    """A row that fails is left out of the table and the command says so; what was written is whole."""
    study = project / ".winnow/study.yaml"
    study.parent.mkdir(exist_ok=True)
    rows = [
        {"name": "nothing", "label": "nothing", "changes": {"curate.ood_threshold": 0.4}},
        {"name": "clean", "label": "cleaned", "over": "nothing", "changes": {"curate.ood_threshold": 0.7}},
        {"name": "wrong", "label": "wrong", "over": "clean", "changes": {"curate.ood_threshold": 0.0}},
    ]
    study.write_text(yaml.safe_dump({"title": "A study", "rows": rows}))
    output = winnow(project, "ablation", str(study), "--out", ".winnow/out", fails=True)
    assert set(experiments(project)) == {"study-nothing", "study-clean"}
    assert "study-wrong failed: curate: curate.ood_threshold is 0." in output and "Traceback" not in output
    table = json.loads((project / ".winnow/out/table.json").read_text())
    assert [row["name"] for row in table["rows"]] == ["nothing", "clean"]
    assert table["rows"][1]["step"]["value"] == pytest.approx(0.3)
    assert "| cleaned | 1 | 70.0% | nothing | +30.0 [" in (project / ".winnow/out/table.md").read_text()
    assert {file.name for file in (project / ".winnow/out").iterdir()} == {
        "table.json",
        "table.md",
        "waterfall.png",
        "waterfall.svg",
    }


def test_what_cannot_be_judged_or_is_misspelt_is_refused_before_the_first_run(project):
    """A user without a test set would learn it after the last run; --dry finds a misspelt key as a real run does."""
    file = project / ".winnow/plan.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("grid: {curate.ood_treshold: [0.5]}\n")
    assert "curate.ood_treshold is no parameter" in winnow(project, "sweep", str(file), "--dry", fails=True)
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["data"]["test_archive"] = "data/none"
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    call(project, "git", "commit", "-q", "-a", "-m", "no test set")
    rows = [{"name": name, "label": name, "changes": {}} | over for name, over in (("a", {}), ("b", {"over": "a"}))]
    file.write_text(yaml.safe_dump({"title": "A study", "rows": rows}))
    assert "there is no test set" in winnow(project, "ablation", str(file), fails=True)
    assert not experiments(project)


def test_the_queue_and_its_worker(project):
    """Plain DVC: a sweep queued at once. Its worker may end before the queue does; then --run-all goes on."""
    call(project, "dvc", "exp", "run", "--queue", "-S", "curate.ood_threshold=0.4,0.6", "--copy-paths", "data/raw")
    for _ in range(3):
        call(project, "dvc", "exp", "run", "--run-all")
        if "Queued" not in call(project, "dvc", "queue", "status"):
            break
    repository = Repository(project)
    runs = [read_run(repository, item.name, item.rev) for item in repository.experiments()]
    assert sorted(run.params["curate"]["ood_threshold"] for run in runs) == [0.4, 0.6]
    assert sorted(run.metrics["submission"]["test"]["balanced_accuracy"] for run in runs) == [0.4, 0.6]
    assert not any(run.fault for run in runs)


LOCK = {
    "stages": {
        "curate": {"params": {"params.yaml": {"curate": {"x": 1, "y": 2}}}, "outs": [{"path": "d", "md5": "1"}]},
        "evaluate": {
            "deps": [{"path": "d", "md5": "1"}],
            "params": {"params.yaml": {"train.epochs": 3}},
            "outs": [{"path": "m.json", "md5": "2"}],
        },
    }
}
PARAMS = {"curate": {"x": 1, "y": 2}, "train": {"epochs": 3}}


@pytest.mark.parametrize(
    ("change", "params", "md5", "words"),
    [
        ({}, {}, "2", ""),
        ({}, {"curate": {"x": 1, "y": 3}}, "2", "stage curate ran with another curate.y: 2, params.yaml says 3"),
        ({}, {"train": {"epochs": 4}}, "2", "stage evaluate ran with another train.epochs: 3, params.yaml says 4"),
        ({}, {}, "9", "m.json is not what its last stage wrote"),
        ({"deps": [{"path": "d", "md5": "0"}]}, {}, "2", "stage evaluate ran with another d"),
        ({"outs": []}, {}, "2", "no stage of it ever wrote m.json"),
    ],
)
def test_whether_a_run_is_whole(change, params, md5, words):
    stages = LOCK["stages"] | {"evaluate": LOCK["stages"]["evaluate"] | change}
    found = not_whole(
        {"stages": stages}, PARAMS | params, md5=lambda path: md5 if path == "m.json" else None, needed="m.json"
    )
    assert found == words


def test_a_log_tells_the_stage_and_the_reason():
    log = (
        "Running stage 'curate':\n> python\nwinnow: curate: the floor is wrong.\nERROR: failed to reproduce 'curate'\n"
    )
    assert running_stage(log) == "curate" and running_stage("") == "starting"
    assert why_failed(log) == "curate: the floor is wrong."
    assert why_failed("x\nERROR: failed to reproduce 'curate': failed to run\n") == (
        "failed to reproduce 'curate': failed to run"
    )
    assert why_failed("") == "no output"
