"""What a sweep or an ablation consists of: the YAML files under configs/sweeps and configs/ablations."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from winnow.errors import WinnowError
from winnow.params import Section, check_content, read_yaml
from winnow.params.settings import changed

Value = bool | int | float | str | list[int] | list[float] | list[str] | None
Changes = Annotated[dict[str, Value], Field(min_length=1)]
_File = TypeVar("_File", bound=Section)


class SweepFile(Section):
    """`always` changes every run; `grid` makes every combination of its values; `list` names runs one by one."""

    always: dict[str, Value] = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Value], Field(min_length=1)]] = Field(default_factory=dict)
    each: list[Changes] = Field(default_factory=list, alias="list")


class AblationRow(Section):
    """One row of the study: what it is called, what it changes, and the row that it is measured against."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    label: str
    over: str | None = None
    changes: dict[str, Value]


class AblationFile(Section):
    """`always` changes every row; the first row is the reference of all."""

    title: str
    always: dict[str, Value] = Field(default_factory=dict)
    rows: Annotated[list[AblationRow], Field(min_length=2)]


@dataclass(frozen=True)
class PlannedRun:
    """A run to make: the experiment's name, and what it changes in params.yaml (dotted key to value)."""

    name: str
    changes: dict[str, Any]


def read_sweep(path: Path) -> SweepFile:
    """Read a sweep's file; raises WinnowError if a key or value is not what it should be."""
    sweep = _read(path, SweepFile)
    if not sweep.grid and not sweep.each:
        raise WinnowError(f"{path} plans no run; give it a grid or a list (docs/experiments.md shows both).")
    return sweep


def read_ablation(path: Path) -> AblationFile:
    """Read an ablation's file; raises WinnowError also if a row is measured against one that does not precede it."""
    study = _read(path, AblationFile)
    seen: set[str] = set()
    for index, row in enumerate(study.rows):
        if row.name in seen:
            raise WinnowError(f"{path} has two rows called {row.name}; rename one.")
        if row.over is not None and row.over not in seen:
            raise WinnowError(f"{path}: row {row.name} is over {row.over!r}, which is no row before it.")
        if index and row.over is None:
            raise WinnowError(f"{path}: row {row.name} needs over: the row before it that it is measured against.")
        seen.add(row.name)
    return study


def only_rows(study: AblationFile, names: Iterable[str]) -> AblationFile:
    """The study with these rows alone, in its own order.

    A row that is measured against one left out is measured against what that one was measured against, and so on.

    Raises:
        WinnowError: for a row that the study does not have, and without the first, the reference of all.
    """
    names = list(names)
    over = {row.name: row.over for row in study.rows}
    unknown = [name for name in names if name not in over]
    if unknown:
        raise WinnowError(f"there is no row {unknown[0]!r} in the study; its rows are {', '.join(over)}.")
    first = study.rows[0].name
    if first not in names:
        raise WinnowError(f"the study has nothing to measure against without its first row; add --row {first}.")

    def kept(name: str | None) -> str | None:
        return name if name is None or name in names else kept(over[name])

    rows = [row.model_copy(update={"over": kept(row.over)}) for row in study.rows if row.name in names]
    return study.model_copy(update={"rows": rows})


def sweep_runs(sweep: SweepFile, extra: Mapping[str, Any]) -> list[PlannedRun]:
    """The runs of a sweep, in the order of the file; `extra` changes every run and wins over `always`.

    A run is called after what it changes, `ood_threshold-2.5` or `ood_threshold-2.5_epochs-2`.

    Raises:
        WinnowError: if two runs are the same.
    """
    combinations = [
        dict(zip(sweep.grid, values, strict=True)) for values in itertools.product(*sweep.grid.values()) if sweep.grid
    ]
    planned = [{**own, **sweep.always, **extra} for own in [*combinations, *sweep.each]]
    keys = {key for changes in planned for key in changes}
    runs = [PlannedRun(name_of(changes, keys), changes) for changes in planned]
    names = [run.name for run in runs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise WinnowError(f"the sweep plans {twice[0]} twice; remove one.")
    return runs


def ablation_runs(study: AblationFile, stem: str, extra: Mapping[str, Any]) -> list[PlannedRun]:
    """A run per row, called `<stem>-<row>` and, where `extra` changes every row, after that as well."""
    suffix = f"_{name_of(extra, extra)}" if extra else ""
    return [PlannedRun(f"{stem}-{row.name}{suffix}", {**study.always, **row.changes, **extra}) for row in study.rows]


def name_of(changes: Mapping[str, Any], among: Iterable[str]) -> str:
    """What a run changes, as a name that git takes: the last part of each key, or more where that is ambiguous."""
    among = set(among)
    parts = []
    for key, value in changes.items():
        leaf = key.rsplit(".", 1)[-1]
        short = key if sum(other.rsplit(".", 1)[-1] == leaf for other in among) > 1 else leaf
        text = "-".join(map(str, value)) if isinstance(value, list) else str(value)
        parts.append(f"{short}-{text}")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(parts)).strip(".-").replace("..", ".")


def check_runs(runs: Iterable[PlannedRun], params: Mapping[str, Any]) -> None:
    """Check the params of every run before the first one starts; raises WinnowError for the first that is wrong."""
    for run in runs:
        check_content(changed(params, run.changes), f"run {run.name}")
        for key, value in run.changes.items():
            if any(isinstance(one, float) and one != 0 and abs(one) < 1e-4 for one in _parts(value)):
                raise WinnowError(
                    f"run {run.name}: {key} is {value}, which DVC writes in a form that YAML reads as text; "
                    "keep to numbers of 0.0001 or more, or put it into params.yaml by hand as 1.0e-05."
                )


def overrides(changes: Mapping[str, Any]) -> list[str]:
    """Arguments of `dvc exp run` that make `changes`."""
    return [part for key, value in changes.items() for part in ("-S", f"params.yaml:{key}={_hydra(value)}")]


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _hydra(value: Any) -> str:
    """A value in the grammar of `-S`: text in quotes, so that commas and colons stay what they are."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, list):
        return "[" + ",".join(map(_hydra, value)) + "]"
    return json.dumps(value)


def _read(path: Path, model: type[_File]) -> _File:
    content = read_yaml(path, missing="does not exist; configs/ holds examples.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        if isinstance(content, dict) and ("rows" in content) != (model is AblationFile):
            other = "an ablation; use 'winnow ablation'" if "rows" in content else "a sweep; use 'winnow sweep'"
            raise WinnowError(f"{path} describes {other}.") from None
        known = ", ".join(field.alias or name for name, field in model.model_fields.items())
        raise WinnowError(
            f"{path}: {where}: {first['msg'][0].lower()}{first['msg'][1:]}; its keys are {known}."
        ) from None
