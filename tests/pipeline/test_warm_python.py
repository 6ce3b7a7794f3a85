"""The Python in whose forks pipelines of tests run their stages."""

import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from stub_project import environment

STAGE = """
import os, sys, time
from pathlib import Path

print(sys.argv[1:], Path.cwd().name, Path(sys.path[0]).name, os.environ["WORD"])
if sys.argv[1] == "sleep":
    Path("began").write_text(str(os.getpid()))
    time.sleep(600)
if sys.argv[1] == "fail":
    1 / 0
sys.exit({"well": None, "three": 3, "sentence": "winnow: it went wrong"}[sys.argv[1]])
"""


@pytest.fixture
def stage(tmp_path):
    """Starts the stage in a fork, with a word."""
    (tmp_path / "project/stages").mkdir(parents=True)
    (tmp_path / "project/stages/stage.py").write_text(STAGE)

    def start(word: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["python3", "-m", "winnow.launch", "stages/stage.py", word],
            cwd=tmp_path / "project",
            env=environment(warm=True) | {"WORD": "own"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.mark.parametrize(
    ("word", "status", "error"),
    [("well", 0, ""), ("three", 3, ""), ("sentence", 1, "winnow: it went wrong\n"), ("fail", 1, "ZeroDivisionError")],
)
def test_a_fork_runs_as_python_does(stage, word, status, error):
    process = stage(word)
    output, errors = process.communicate(timeout=60)
    assert output == f"['{word}'] project stages own\n"
    assert process.returncode == status
    assert error in errors and bool(error) == bool(errors)


def test_a_fork_ends_with_its_caller(stage, tmp_path):
    process = stage("sleep")
    began: Path = tmp_path / "project/began"
    while not began.is_file() or not began.read_text():
        time.sleep(0.01)
    fork = int(began.read_text())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    psutil.wait_procs([psutil.Process(fork)] if psutil.pid_exists(fork) else [], timeout=60)
    assert not psutil.pid_exists(fork)
