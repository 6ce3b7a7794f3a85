"""All runs in one table: what each changed, and what it came to."""

import hashlib
import json
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from winnow.experiments.best import changes
from winnow.experiments.repository import HEAD, WORKSPACE, Repository
from winnow.experiments.runs import Run
from winnow.experiments.staleness import not_whole, upstream
from winnow.workspace import Workspace

SUMMARY = Workspace().path("metrics", stage="summary").as_posix()
QUICK = Workspace().path("metrics", stage="quick_check").as_posix()
_SHARES, _COUNTS = ("val", "test"), ("keep", "relabel", "drop")


def overview(repository: Repository, runs: Sequence[Run]) -> Table:
    """A row per run: name, the quick check's figure and the full training's, decisions, and what differs from HEAD.

    A run that only went as far as the quick check has that figure alone. It is of the test set, or of the validation
    set where there is no other.

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
    quick = {run.name: quick_figure(repository, run) for run in runs}
    shown = any(quick.values())
    for name in (*["quick check"] * shown, "validation", "test", "kept", "relabelled", "dropped"):
        table.add_column(name, justify="right")
    table.add_column("other than HEAD", overflow="fold")
    for run in others if recorded else runs:
        name = f"{run.name} ({WORKSPACE})" if run is not workspace and run.equals(workspace) else run.name
        changed = changes(run.params, head.params)
        different = f"{changed}; quick check only" if run.fault and quick[run.name] else run.fault or changed
        cells = [*[quick[run.name] or "–"] * shown, *_figures(repository, run)]
        table.add_row(Text(name), *cells, Text(different))
    return table


def quick_figure(repository: Repository, run: Run) -> str:
    """The quick check's balanced accuracy; empty if the run has none of its own."""
    content = repository.read(QUICK, run.rev)
    if content is None:
        return ""

    def md5(path: str) -> str | None:
        return hashlib.md5(content, usedforsecurity=False).hexdigest() if path == QUICK else None

    if not_whole(upstream(run.lock, QUICK), run.params, md5=md5, needed=QUICK):
        return ""
    found = json.loads(content)
    return f"{found.get('quick_test', found['quick_validation']):.2%}"


def _figures(repository: Repository, run: Run) -> list[str]:
    """Cells, a dash where the run has no figure of its own: it failed, or was made before there was a summary."""
    content = None if run.fault else repository.read(SUMMARY, run.rev)
    found = json.loads(content) if content else {}
    shares = [f"{found[name]:.2%}" if name in found else "–" for name in _SHARES]
    return shares + [f"{found[name]:,}" if name in found else "–" for name in _COUNTS]
