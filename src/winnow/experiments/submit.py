"""Making runs from the command line: what to check first, how many at a time, what to show."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from winnow.errors import WinnowError
from winnow.experiments.plan import PlannedRun, check_runs
from winnow.experiments.repository import Repository
from winnow.experiments.runner import run_all
from winnow.experiments.sweep_table import showing
from winnow.experiments.worktrees import Slot, Source, only_one


def make_runs(
    runs: Sequence[PlannedRun], *, jobs: int | None, time_limit: float, split: str | None = None
) -> list[bool]:
    """Make those of `runs` that are not done, one per GPU or `jobs` at a time; whether each is done.

    Raises:
        WinnowError: before anything runs, if `checked_params` refuses them or the workspace is not committed.
    """
    repository = Repository(Path())
    params = checked_params(runs, repository, split=split)
    with only_one(repository):
        source = Source(repository, params)
        devices = gpus()
        jobs = jobs or max(len(devices), 1)
        slots = [Slot(source, index, devices[index % len(devices)] if devices else None) for index in range(jobs)]
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends the runs too
        try:
            with showing(jobs) as show:
                states = run_all(runs, slots, repository, time_limit=time_limit, show=show)
        except KeyboardInterrupt:
            raise WinnowError("interrupted; the same command goes on from here.") from None
    return [state.state.startswith("done") for state in states]


def checked_params(runs: Sequence[PlannedRun], repository: Repository, *, split: str | None = None) -> dict[str, Any]:
    """What params.yaml holds in the last commit, once every run was checked against it.

    Args:
        runs: to be made.
        repository: to make them in.
        split: the images that they are to be judged on, or None.

    Raises:
        WinnowError: if the last commit holds none, a run's params are wrong, or there is no such split.
    """
    params = yaml.safe_load(repository.read("params.yaml", repository.head()) or b"")
    if not isinstance(params, dict):
        raise WinnowError("the last commit holds no params.yaml; commit one.")
    check_runs(runs, params)
    if split not in (None, "validation") and params["data"]["test_archive"] == "data/none":
        raise WinnowError(
            f"there is no {split} set, data.test_archive in the committed params.yaml is data/none; add "
            "--split validation."
        )
    return params


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls each GPU that this process may use; none without a GPU."""
    import os

    import torch

    count = torch.cuda.device_count()
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[:count] if named else [str(index) for index in range(count)]
