"""Programs that winnow starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

from winnow.errors import WinnowError

_STAGE = re.compile(r"(?P<begins>Running stage|Stage) '(?P<name>[^']+)'")


def run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder to its end, whatever it says; raises WinnowError if it is not installed."""
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        raise WinnowError(
            "the program git is not on PATH; install it, winnow keeps workspaces and experiments in it."
        ) from None


def own_python_first() -> str:
    """PATH for DVC, so that the stages which it starts run with the Python that runs now."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def dvc_environment() -> dict[str, str]:
    """The environment for a DVC whose lines are read as they come, with `own_python_first`."""
    return os.environ | {"PATH": own_python_first(), "PYTHONUNBUFFERED": "1", "DVC_NO_ANALYTICS": "1"}


def stage_of(line: str) -> tuple[str, bool] | None:
    """The stage that a line of DVC's names, and whether it begins to run, not being up to date; None of other lines."""
    found = _STAGE.match(line)
    return (found["name"], found["begins"] != "Stage") if found else None


def why_failed(output: str) -> str:
    """One line of a failed run's output that says why: winnow's own sentence, else DVC's error, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for start in ("winnow: ", "ERROR: "):
        said = [line for line in lines if line.startswith(start)]
        if said:
            return said[-1].removeprefix(start)
    return lines[-1] if lines else "no output"
