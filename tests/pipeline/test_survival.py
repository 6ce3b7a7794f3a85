"""A few of the kills that benchmarks/survival.py makes by the hundred: the same command again, and the same bytes."""

import shutil
import sys
from pathlib import Path

import pytest

from kills import (
    STARTING,
    Draw,
    Reviewer,
    contents,
    experiments,
    finish_repro,
    finish_sweep,
    kill_app,
    kill_repro,
    kill_sweep,
)
from stub_project import make_project
from workspaces import write_workspace

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A project of three stages that take no time, run and committed; its sweep is not."""
    folder = make_project(tmp_path_factory.mktemp("survival") / "project", Path(__file__).resolve().parents[2])
    (folder / ".winnow").mkdir()
    (folder / ".winnow/sweep.yaml").write_text("grid:\n  curate.ood_threshold: [0.75]\n")
    return folder


@pytest.fixture
def project(built, tmp_path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "project", symlinks=True))


@pytest.mark.parametrize("aim", ["", "dvc.lock", ".dvc/tmp/rwlock"])
def test_a_killed_repro_goes_on_to_the_same_bytes(built, project, aim):
    (project / "dvc.lock").unlink()  # all three run again, or come from the cache
    shutil.rmtree(project / ".dvc/cache/runs")
    kill = kill_repro(project, Draw("curate", 0.05, aim))
    assert kill.killed
    finish_repro(project)
    assert contents(project) == contents(built)


def test_a_killed_sweep_goes_on_to_the_same_experiments(built, tmp_path):
    words = (sys.executable, "-m", "winnow.cli", "sweep", ".winnow/sweep.yaml")
    found, seconds = [], 0.0
    for name in ("calm", "killed"):
        project = Path(shutil.copytree(built, tmp_path / name, symlinks=True))
        if name == "killed":
            assert kill_sweep(project, words, Draw("sweep", seconds / 2), runs_too=True).killed
        seconds = finish_sweep(project, words)
        found.append(experiments(project))
    assert len(found[0]) == 1 and found[0] == found[1]


def test_a_killed_app_loses_no_verdict_that_it_acknowledged(tmp_path):
    reviewer = Reviewer(write_workspace(tmp_path / "animals", images=60), [f"img_{i:06d}" for i in range(60)])
    for draw in (Draw("verdicts", 0.3), Draw(STARTING, 0.5)):
        kill, lost = kill_app(reviewer, draw, most=10_000)
        assert kill.killed and not lost
    assert reviewer.sent
    app = reviewer.start()
    assert reviewer.lost(app) == []
    app.kill()
