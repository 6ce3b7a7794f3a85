"""What is compared: an arm of a run, as it is named on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from winnow.compare.align_predictions import in_split, seed_columns
from winnow.errors import WinnowError
from winnow.experiments.repository import WORKSPACE, Repository
from winnow.experiments.runs import read_predictions, read_run, read_whole_run

ARMS = ("baseline", "submission")


@dataclass(frozen=True)
class Candidate:
    """An arm of a run: what it is called in tables, and its predictions on a split."""

    name: str
    arm: str
    rows: pd.DataFrame


def candidates(
    repository: Repository, names: Sequence[str], *, arm: str, arms: str | None, split: str
) -> list[Candidate]:
    """Read what is to be compared, the reference first.

    Args:
        repository: where the runs are.
        names: RUN or RUN:ARM each.
        arm: of those that name none.
        arms: comma-separated, of every run that names none, instead of `arm`.
        split: whose rows.

    Raises:
        WinnowError: if there are fewer than two, one is there twice, or one cannot be read.
    """
    wanted = []
    for name in names:
        run, colon, own = name.partition(":")
        wanted += [(run, one) for one in ([own] if colon else (arms or arm).split(","))]
    for _, one in wanted:
        if one not in ARMS:
            raise WinnowError(f"there is no arm {one!r}; the arms are {' and '.join(ARMS)}.")
    if len(wanted) < 2:
        raise WinnowError(
            f"comparing takes two runs, or two arms of one: winnow compare {names[0]} --arms baseline,submission."
        )
    if len(set(wanted)) < len(wanted):
        raise WinnowError("the same run is named twice; name two that differ.")
    # The arm stands in the name only where it tells two apart.
    one_arm, one_run = len({one for _, one in wanted}) == 1, len({run for run, _ in wanted}) == 1
    found = []
    for run, one in wanted:
        name = run if one_arm else one if one_run else f"{run}:{one}"
        table = read_predictions(repository, read_whole_run(repository, run), one)
        found.append(Candidate(name, one, in_split(table, split, run)))
    return found


def several_seeds(repository: Repository, chosen: Sequence[Candidate], *, split: str) -> list[pd.DataFrame]:
    """The workspace's arms, which may tell the spread between seeds where the chosen have but one seed each."""
    if any(len(seed_columns(item.rows)) > 1 for item in chosen):
        return []
    run = read_run(repository, WORKSPACE)
    if run.fault:
        return []
    found = []
    for arm in sorted({item.arm for item in chosen}):
        try:
            rows = in_split(read_predictions(repository, run, arm), split, WORKSPACE)
        except WinnowError:
            continue
        found.append(rows)
    return found
