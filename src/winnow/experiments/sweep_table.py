"""The table that a sweep shows while it runs, and lines for logs where there is no terminal."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from winnow.experiments.runner import RunState

_COLOURS = {"running": "cyan", "done": "green", "done before": "green", "failed": "bold red", "stopped": "yellow"}


def sweep_table(states: Sequence[RunState], *, jobs: int) -> Group:
    """Experiment, state, balanced accuracy of the submission, time; below it what failed and the time left."""
    table = Table("experiment", "state", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("validation", "test", "time"):
        table.add_column(name, justify="right")
    for state in states:
        shown = f"{state.state}: {state.stage}" if state.state == "running" else state.state
        table.add_row(
            Text(state.run.name, overflow="fold"),
            Text(shown, style=_COLOURS.get(state.state, "dim")),
            accuracy(state.metrics, "validation"),
            accuracy(state.metrics, "test"),
            duration(state.seconds) if state.seconds else "",
        )
    failed = [Text(f"{state.run.name} failed: {state.reason}", style="red") for state in states if state.reason]
    return Group(table, *failed, Text(summary(states, jobs=jobs)))


def summary(states: Sequence[RunState], *, jobs: int) -> str:
    """How many are done, and about how long the rest will take."""
    done = sum(state.state.startswith("done") for state in states)
    rest = [state for state in states if state.state in ("waiting", "running")]
    text = f"{done} of {len(states)} done"
    took = [state.seconds for state in states if state.state == "done"]
    if rest and took:
        each = sum(took) / len(took)
        left = sum(max(each - state.seconds, 0) for state in rest) / min(jobs, len(rest))
        text += f", about {duration(left)} left"
    return text


def accuracy(metrics: dict[str, Any], split: str) -> str:
    """The submission's balanced accuracy on a split; a dash where there is none."""
    value = metrics.get("submission", {}).get(split, {}).get("balanced_accuracy")
    return "–" if value is None else f"{value:.2%}"


def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


@contextmanager
def showing(jobs: int) -> Iterator[Callable[[list[RunState]], None]]:
    """Yield `show(states)`: a live table in a terminal, a line per change of state elsewhere."""
    console = Console()
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda states: live.update(sweep_table(states, jobs=jobs), refresh=True)
        return
    told: dict[str, str] = {}
    last: list[RunState] = []

    def show(states: list[RunState]) -> None:
        last[:] = states
        for state in states:
            if told.get(state.run.name, "waiting") != state.state:
                told[state.run.name] = state.state
                reached = f", validation {accuracy(state.metrics, 'validation')}" if state.metrics else ""
                why = f": {state.reason}" if state.reason else ""
                print(f"{state.run.name}: {state.state}{reached}{why}; {summary(states, jobs=jobs)}", flush=True)

    try:
        yield show
    finally:
        console.print(sweep_table(last, jobs=jobs))
