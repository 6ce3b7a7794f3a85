"""The runs that one chooses from, and taking one over."""

import subprocess
import sys
from collections.abc import Sequence

from winnow.errors import WinnowError
from winnow.experiments.repository import HEAD, WORKSPACE, Repository
from winnow.experiments.runs import Run, read_predictions, read_run
from winnow.programs import why_failed


def read_runs(repository: Repository, *, every: bool) -> list[Run]:
    """The workspace, the last commit, and the experiments of that commit, or of every commit."""
    head = repository.head()
    listed = [item for item in repository.experiments() if every or item.baseline == head]
    return [
        read_run(repository, WORKSPACE),
        read_run(repository, HEAD, head),
        *(read_run(repository, item.name, item.rev) for item in listed),
    ]


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


def apply_run(repository: Repository, run: Run, *, overwrite: bool) -> None:
    """Make an experiment, or the last commit, the workspace, with DVC.

    Args:
        repository: where the runs are.
        run: the one to apply.
        overwrite: whether edits of params.yaml and dvc.yaml may go, as those of a workspace that is a run itself may.

    Raises:
        WinnowError: if that would overwrite edits that are in no commit, or DVC fails.
    """
    if not overwrite and repository.uncommitted(["params.yaml", "dvc.yaml"]):
        raise WinnowError(
            f"params.yaml or dvc.yaml differs from the last commit, and applying {run.name} would overwrite it; "
            "commit or 'git stash' first."
        )
    command = [sys.executable, "-m", "dvc", "exp", "apply", run.rev]
    done = subprocess.run(command, cwd=repository.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WinnowError(f"'dvc exp apply {run.name}' failed: {why_failed(done.stderr)}")
