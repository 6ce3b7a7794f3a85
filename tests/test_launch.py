"""How stages are started: a Python that cannot run them is one sentence, other errors keep their traceback."""

import gc
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from stub_project import environment
from winnow.stage import run


def launch(root: Path, script: Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "winnow.launch", str(script), *arguments],
        env=os.environ | {"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def script(tmp_path) -> Path:
    return tmp_path / "stages/work.py"


def write(script: Path, text: str) -> Path:
    script.parent.mkdir(exist_ok=True)
    script.write_text(text)
    return script


def test_a_script_runs_as_if_python_had_started_it(root, script):
    script.parent.mkdir()
    (script.parent / "beside.py").write_text("WORD = 'beside'")
    text = "import sys, beside\nprint(__name__, sys.argv[1:], beside.WORD, sys.argv[0] == __file__)\nsys.exit(3)\n"
    done = launch(root, write(script, text), "baseline", "--fast")
    assert done.stdout == "__main__ ['baseline', '--fast'] beside True\n" and done.returncode == 3


def test_a_script_that_ended_well_runs_what_was_registered_for_its_end_and_loses_no_line(root, script):
    text = """
        import atexit, gc, os, threading, time, weakref
        class Held: pass
        held = Held()
        weakref.finalize(held, print, "finalized")
        atexit.register(print, "registered")
        threading.Thread(target=lambda: (time.sleep(0.2), print("a thread's"))).start()
        print(gc.isenabled(), flush=False)
    """
    done = launch(root, write(script, textwrap.dedent(text)))
    assert sorted(done.stdout.splitlines()) == ["False", "a thread's", "finalized", "registered"]
    assert done.returncode == 0 and not done.stderr


def test_garbage_is_collected_once_a_stage_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {curate: {cmd: x}}")
    Path("params.yaml").write_text("{}")
    gc.disable()
    try:
        run("curate", lambda params: str(gc.isenabled()))
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


@pytest.mark.parametrize("wanted", [None, "1", "4"])
def test_a_stage_computes_with_one_thread_whatever_the_user_set(root, script, monkeypatch, wanted):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, wanted) if wanted else monkeypatch.delenv(name, raising=False)
    text = (
        "import faiss, numpy, torch, threadpoolctl\n"
        "print(torch.get_num_threads(), {pool['num_threads'] for pool in threadpoolctl.threadpool_info()})"
    )
    assert launch(root, write(script, text)).stdout == "1 {1}\n"


@pytest.mark.parametrize("text", ["import pandass", "import yaml.nowhere", "def main():\n    import a.b.c\nmain()"])
def test_a_missing_package_is_one_sentence(root, script, text):
    done = launch(root, write(script, text))
    assert done.stderr.strip().startswith(f"winnow: {sys.executable} has no package ")
    assert "source .venv/bin/activate" in done.stderr and done.stderr.strip().count("\n") == 0
    assert done.returncode == 1


def test_an_interrupt_while_a_script_imports_is_one_sentence(root, script):
    lines = [
        "import os, signal, time",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",
    ]  # a job of a shell's
    lines += ["os.kill(os.getpid(), signal.SIGINT)", "time.sleep(9)"]  # background ignores the signal
    done = launch(root, write(script, "\n".join(lines)))
    assert done.stderr.strip() == "winnow: interrupted; run 'dvc repro' again." and done.returncode == 130


@pytest.mark.parametrize("text", ["1 / 0", "import winnow.nowhere", "from winnow import nowhere"])
def test_other_errors_keep_their_traceback(root, script, text):
    done = launch(root, write(script, text))
    assert "Traceback" in done.stderr and done.returncode == 1


def test_an_old_python_is_one_sentence(root, script):
    change = "import runpy, sys; sys.version_info = (3, 9, 2); sys.argv[1:] = ['x.py']; "
    run = "runpy.run_module('winnow.launch', run_name='__main__')"
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    done = subprocess.run([sys.executable, "-c", change + run], env=environment, capture_output=True, text=True)
    assert "is Python 3.9.2, and winnow needs 3.11 or newer" in done.stderr and "Traceback" not in done.stderr


def test_dvc_outside_the_environment_is_one_sentence(root, tmp_path):
    """DVC called by its path, as from a desktop or after a new login: PATH finds a bare Python first."""
    bare = tmp_path / "bin/python3"
    bare.parent.mkdir()
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # without its packages
    bare.chmod(0o755)
    (tmp_path / "stages").mkdir()
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "stages/curate.py", tmp_path / "stages")
    prefix = next(
        part["python"] for part in yaml.safe_load((root / "dvc.yaml").read_text())["vars"] if "python" in part
    )
    stages = {"curate": {"cmd": f"{prefix} stages/curate.py"}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    settings = environment() | {"PATH": f"{bare.parent}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    settings.pop("PYTHONPATH")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "--no-scm"], cwd=tmp_path, env=settings, check=True)
    done = subprocess.run([*dvc, "repro"], cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert re.search(r"has no package \w+;", done.stderr) and "source .venv/bin/activate" in done.stderr
    assert "Traceback" not in done.stderr and done.returncode != 0
