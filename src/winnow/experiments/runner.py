"""Makes planned runs one after the other, one per slot, as ordinary DVC experiments.

No queue and no worker: the runner starts `dvc exp run` itself and looks after it. What is done is known from the
experiments themselves, so a sweep that was killed is resumed by starting it again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from winnow.errors import WinnowError
from winnow.experiments.plan import PlannedRun
from winnow.experiments.repository import Repository
from winnow.experiments.runs import read_run
from winnow.experiments.worktrees import SWEEPS, Slot
from winnow.params.settings import changed
from winnow.programs import stage_of, why_failed

POLL_SECONDS = 0.5


@dataclass
class RunState:
    """Where a planned run stands.

    Attributes:
        state: `waiting`, `running`, `done`, `done before`, `failed` or `stopped`.
        stage: the stage that runs, of how many this run had to run so far.
        metrics: content of metrics/evaluation.json of a finished run; empty for every other, whatever lies about.
        reason: why it failed, in words.
        seconds: how long it ran.
    """

    run: PlannedRun
    state: str = "waiting"
    stage: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0


def run_all(
    runs: Sequence[PlannedRun],
    slots: Sequence[Slot],
    repository: Repository,
    *,
    time_limit: float,
    show: Callable[[list[RunState]], None],
) -> list[RunState]:
    """Make the runs that are not done yet.

    Args:
        runs: in the order in which they are started.
        slots: where they run; as many run at a time.
        time_limit: seconds after which a run is ended and counts as failed.
        show: called with all states whenever there may be something new.

    Returns:
        A state per run, in order. A failed run does not stop the others.

    Raises:
        KeyboardInterrupt: after ending what runs, when the user interrupts.
    """
    states = [_known(run, repository) for run in runs]
    log_folder = repository.root / SWEEPS / "logs"
    log_folder.mkdir(parents=True, exist_ok=True)
    show(states)
    waiting = [state for state in states if state.state == "waiting"]
    active: dict[Slot, _Active] = {}
    try:
        while waiting or active:
            for slot in slots:
                if slot not in active and waiting:
                    state = waiting.pop(0)
                    state.state, state.stage = "running", "setting up"
                    show(states)
                    active[slot] = _Active(slot, state, log_folder / f"{state.run.name}.log")
            for slot, job in list(active.items()):
                if job.look(time_limit):
                    del active[slot]
                    _finish(job, repository)
            show(states)
            if active:
                time.sleep(POLL_SECONDS)
    finally:
        for job in active.values():
            job.slot.stop(job.process)
            job.state.state = "stopped"
        if active:
            show(states)
    return states


class _Active:
    """A run under way."""

    def __init__(self, slot: Slot, state: RunState, log: Path) -> None:
        self.slot, self.state, self.log = slot, state, log
        slot.stop_leftovers()
        slot.prepare()
        self.begin = time.monotonic()
        self.process = slot.start(state.run, log)

    def look(self, time_limit: float) -> bool:
        """Whether the run has ended; ends it itself where it takes longer than `time_limit` seconds."""
        self.state.seconds = time.monotonic() - self.begin
        self.state.stage = running_stage(self.log.read_text(encoding="utf-8", errors="replace"))
        if self.process.poll() is None and self.state.seconds > time_limit:
            self.slot.stop(self.process)
            self.state.reason = f"took longer than {time_limit / 60:g} minutes"
        return self.process.poll() is not None


def _finish(job: _Active, repository: Repository) -> None:
    state = job.state
    state.state, state.stage = "failed", ""
    if state.reason:
        return
    if job.process.returncode:
        state.reason = why_failed(job.log.read_text(encoding="utf-8", errors="replace"))
        return
    try:
        job.slot.collect(state.run)
    except WinnowError as error:
        state.reason = str(error)
        return
    found = read_run(repository, state.run.name)
    state.reason = found.fault
    if not found.fault:
        state.state, state.metrics = "done", found.metrics


def _known(run: PlannedRun, repository: Repository) -> RunState:
    """Done before, if an experiment of this name hangs off HEAD, is whole, and has the params that the run would have.

    Raises:
        WinnowError: if a whole experiment of this name has other params: it is not this sweep's to replace.
    """
    head = repository.head()
    own = [item for item in repository.experiments() if item.name == run.name and item.baseline == head]
    if not own:
        return RunState(run)
    found = read_run(repository, run.name, own[0].rev)
    if found.fault:
        return RunState(run)
    if found.params != _wanted(run, repository):
        raise WinnowError(
            f"there is an experiment {run.name} already, with other params; rename it with "
            f"'dvc exp rename {run.name} NEW_NAME'."
        )
    return RunState(run, state="done before", metrics=found.metrics)


def _wanted(run: PlannedRun, repository: Repository) -> dict[str, Any]:
    params = yaml.safe_load(repository.read("params.yaml", repository.head()) or b"")
    return changed(params, run.changes)


def running_stage(output: str) -> str:
    """The last stage that DVC said it is running."""
    begun = [found[0] for line in output.splitlines() if (found := stage_of(line)) and found[1]]
    return begun[-1] if begun else "starting"
