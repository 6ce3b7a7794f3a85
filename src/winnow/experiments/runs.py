"""Reading a run: its params, what it reached, and what it predicted."""

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from winnow import tables
from winnow.errors import WinnowError
from winnow.experiments.repository import WORKSPACE, Repository
from winnow.experiments.staleness import not_whole
from winnow.workspace import Workspace

METRICS = Workspace().path("metrics", stage="evaluation").as_posix()


@dataclass(frozen=True)
class Run:
    """A run of the pipeline.

    Attributes:
        name: as it was asked for.
        rev: its commit, or `workspace`.
        params: content of params.yaml.
        lock: content of dvc.lock: of every stage, what it read and what it wrote.
        metrics: content of metrics/evaluation.json; empty if the run has none.
        fault: why its figures are not its own, in words; empty if they are.
    """

    name: str
    rev: str
    params: dict[str, Any]
    lock: dict[str, Any]
    metrics: dict[str, Any]
    fault: str

    def equals(self, other: "Run") -> bool:
        """Whether both are whole and every stage of both had the same inputs and came to the same outputs."""
        return not (self.fault or other.fault) and (self.params, self.lock) == (other.params, other.lock)


def read_run(repository: Repository, name: str, rev: str | None = None) -> Run:
    """Read the run called `name` (workspace, experiment, branch, tag or commit), at `rev` if that is known.

    Raises:
        WinnowError: if there is no such run.
    """
    rev = rev or repository.resolve(name)
    metrics = repository.read(METRICS, rev)
    lock, params = (yaml.safe_load(repository.read(path, rev) or b"") or {} for path in ("dvc.lock", "params.yaml"))
    git_held = {METRICS, *(_predictions(arm) for arm in ("baseline", "submission"))}

    def md5(path: str) -> str | None:
        content = repository.read(path, rev) if path in git_held else None
        return None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()

    fault = f"it has no {METRICS}" if metrics is None else not_whole(lock, params, md5=md5, needed=METRICS)
    return Run(name, rev, params, lock, json.loads(metrics) if metrics else {}, fault)


def read_whole_run(repository: Repository, name: str) -> Run:
    """The same, but a run whose figures are not its own is refused."""
    run = read_run(repository, name)
    if run.fault:
        fix = "run 'dvc repro'" if run.rev == WORKSPACE else "make it again with 'dvc exp run'"
        raise WinnowError(f"{name} is no whole run: {run.fault}; {fix}.")
    return run


def read_predictions(repository: Repository, run: Run, arm: str) -> pd.DataFrame:
    """What an arm of a run predicted, as `evaluation.predictions.predictions_table` wrote it, every value as text.

    Raises:
        WinnowError: if the run has no such file.
    """
    path = _predictions(arm)
    content = repository.read(path, run.rev)
    if content is None:
        fix = "run 'dvc repro'" if run.rev == WORKSPACE else "make it again with 'dvc exp run'"
        raise WinnowError(f"{run.name} holds no {path}, which says what it predicted for each image; {fix}.")
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False).map(tables.unguard)


def _predictions(arm: str) -> str:
    """Where the predictions of an arm lie; git tracks the file, so that it is in every experiment, branch and clone."""
    return Workspace().path("predictions", arm=arm).as_posix()
