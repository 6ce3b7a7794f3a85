"""`make setup` wherever the repository lies, and with whatever the machine lacks."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RECORD = """#!/bin/sh
case "$*" in *sys.exit*) exit 0;; esac
echo "$0|$VIRTUAL_ENV|${PATH%%:*}|$*" >> "$RECORD"
"""


def make(folder: Path, record: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "MAKEFLAGS")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=settings | {"RECORD": str(record)}, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", ["plain", "with a blank", "it's $HOME", "grün (1) & more; #2"])
def test_the_path_may_hold_anything_that_python_takes(root, tmp_path, name):
    folder = tmp_path / name
    (folder / ".venv/bin").mkdir(parents=True)
    for file in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(root / file, folder)
    for program in ("python", "uv"):
        (folder / ".venv/bin" / program).write_text(RECORD)
        (folder / ".venv/bin" / program).chmod(0o755)
    done = make(folder, tmp_path / "record", "setup")
    assert done.returncode == 0, done.stderr
    calls = [line.split("|") for line in (tmp_path / "record").read_text().splitlines()]
    assert [arguments.split()[:2] for *_, arguments in calls] == [["-m", "pip"], ["pip", "sync"], ["pip", "install"]]
    assert {environment for _, environment, _, _ in calls} == {str(folder / ".venv")}
    assert {path for _, _, path, _ in calls} == {str(folder / ".venv/bin")}
