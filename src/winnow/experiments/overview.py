"""All runs in one table: what each changed, and what it came to."""

import json
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from winnow.experiments.best import changes
from winnow.experiments.repository import HEAD, WORKSPACE, Repository
from winnow.experiments.runs import Run
from winnow.workspace import Workspace

SUMMARY = Workspace().path("metrics", stage="summary").as_posix()
_SHARES, _COUNTS = ("val", "test"), ("keep", "relabel", "drop")


def overview(repository: Repository, runs: Sequence[Run]) -> Table:
    """A row per run: name, validation and test figure of the cleaned data, decisions, and what differs from HEAD.

    Args:
        repository: where the runs are.
        runs: as `read_runs` returns them. The workspace is folded into the run that it equals.
    """
    workspace = next(run for run in runs if run.name == WORKSPACE)
    head = next(run for run in runs if run.name == HEAD)
    others = [run for run in runs if run is not workspace]
    recorded = any(run.equals(workspace) for run in others)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("run", overflow="fold")
    for name in ("validation", "test", "kept", "relabelled", "dropped"):
        table.add_column(name, justify="right")
    table.add_column("other than HEAD", overflow="fold")
    for run in others if recorded else runs:
        name = f"{run.name} ({WORKSPACE})" if run is not workspace and run.equals(workspace) else run.name
        different = run.fault or changes(run.params, head.params)
        table.add_row(Text(name), *_figures(repository, run), Text(different))
    return table


def _figures(repository: Repository, run: Run) -> list[str]:
    """Cells, a dash where the run has no figure of its own: it failed, or was made before there was a summary."""
    content = None if run.fault else repository.read(SUMMARY, run.rev)
    found = json.loads(content) if content else {}
    shares = [f"{found[name]:.2%}" if name in found else "–" for name in _SHARES]
    return shares + [f"{found[name]:,}" if name in found else "–" for name in _COUNTS]
