"""Which run is best, by the validation set."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from winnow.errors import WinnowError
from winnow.experiments.repository import HEAD, WORKSPACE
from winnow.experiments.runs import METRICS, Run
from winnow.tables import records


def check_choice(by: str) -> None:
    """Refuse to choose by anything that the test set had a part in; raises WinnowError."""
    if "validation" not in by.split("."):
        reason = "the test set is there to be shown" if "test" in by else f"{METRICS} holds figures of the test set too"
        raise WinnowError(
            f"runs are not chosen by {by}: {reason}, and what is chosen by it is no longer measured by it; "
            "choose by a validation figure, for example submission.validation.balanced_accuracy."
        )


def ranked(runs: Sequence[Run], by: str) -> list[tuple[Run, float]]:
    """The runs that have the figure, best (highest) first; ties keep their order.

    Raises:
        WinnowError: if `by` is no validation figure, or no whole run has it.
    """
    check_choice(by)
    found = [(run, records(run.metrics).get(by)) for run in runs if not run.fault]
    usable = [(run, float(value)) for run, value in found if isinstance(value, int | float)]
    if not usable and all(run.fault for run in runs):
        raise WinnowError("no run is whole; run 'dvc repro' to build the workspace.")
    if not usable:
        known = sorted({key for run in runs if not run.fault for key in records(run.metrics) if ".validation." in key})
        hint = f"; there are {', '.join(known[:4])}, …" if known else ""
        raise WinnowError(f"no run has {by} in its {METRICS}{hint}.")
    return sorted(usable, key=lambda item: -item[1])


def best_table(rows: Sequence[tuple[Run, float]], by: str, *, top: int, workspace: Run) -> Table:
    """Run, the figure that ranks, the test figure for show, and what each changed.

    Args:
        rows: as `ranked` returns them.
        by: the figure.
        top: how many to list; the last commit and the workspace are listed wherever they stand.
        workspace: what the others are compared with; runs equal to it are marked.
    """
    table = Table("", box=box.SIMPLE_HEAD, pad_edge=False, title=f"by {by}", title_justify="left")
    table.add_column("run", overflow="fold")
    table.add_column("validation", justify="right")
    table.add_column("test (not used)", justify="right")
    table.add_column("seeds", justify="right")
    table.add_column("other than here", overflow="fold")
    arm = by.split(".")[0]
    for place, (run, value) in enumerate(rows, start=1):
        here = run.equals(workspace)
        if place > top and run.name != HEAD and not here:
            continue
        own = run.metrics.get(arm, {}) if isinstance(run.metrics.get(arm), dict) else {}
        test = own.get("test", {}).get("balanced_accuracy")
        table.add_row(
            str(place),
            Text(
                f"{run.name} (workspace)" if here and run.name != WORKSPACE else run.name,
                style="bold" if place == 1 else "",
            ),
            f"{value:.4f}",
            "–" if test is None else f"{test:.4f}",
            str(own.get("validation", {}).get("seeds", "–")),
            Text(changes(run.params, workspace.params)),
        )
    return table


def changes(params: dict[str, Any], reference: dict[str, Any]) -> str:
    """The params in which a run differs from the reference."""
    own, other = records(params), records(reference)
    return ", ".join(f"{key} {own.get(key)}" for key in {**own, **other} if own.get(key) != other.get(key))


def validation_note(images: Sequence[frozenset[str]]) -> str:
    """A warning if the runs were validated on different images; empty if not."""
    if len(set(images)) <= 1:
        return ""
    shared = frozenset.intersection(*images)
    return (
        f"The runs were validated on different images ({len(shared)} in common, of {max(map(len, images))}): "
        "thresholds decide what the validation set is chosen from. 'winnow compare --split validation' compares on "
        "those in common."
    )
