"""The runs that one chooses from, and taking one over."""

import subprocess
import sys
from collections.abc import Sequence

from winnow.errors import WinnowError
from winnow.experiments.repository import WORKSPACE, Repository
from winnow.experiments.runs import Run, read_predictions, read_run


def read_runs(repository: Repository, *, every: bool) -> list[Run]:
    """The workspace, and the experiments of this commit, or of every commit."""
    head = repository.head()
    listed = [item for item in repository.experiments() if every or item.baseline == head]
    return [read_run(repository, WORKSPACE), *(read_run(repository, item.name, item.rev) for item in listed)]


def validation_images(repository: Repository, runs: Sequence[Run], arm: str) -> list[frozenset[str]]:
    """Of each run that says what it predicted: the images that it was validated on."""
    found = []
    for run in runs:
        try:
            table = read_predictions(repository, run, arm)
        except WinnowError:
            continue
        found.append(frozenset(table["image_id"][table["split"] == "validation"]))
    return found


def apply_run(repository: Repository, run: Run) -> None:
    """Make an experiment the workspace, with DVC.

    Raises:
        WinnowError: if that would overwrite edits that are in no commit, or DVC fails.
    """
    if repository.uncommitted(["params.yaml", "dvc.yaml"]):
        raise WinnowError(
            f"params.yaml or dvc.yaml differs from the last commit, and applying {run.name} would overwrite it; "
            "commit or 'git stash' first."
        )
    command = [sys.executable, "-m", "dvc", "exp", "apply", run.rev]
    done = subprocess.run(command, cwd=repository.root, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise WinnowError(f"'dvc exp apply {run.name}' failed: {said[-1].removeprefix('ERROR: ')}")
