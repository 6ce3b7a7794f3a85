"""What every script under stages/ shares: its declared params, one-sentence errors, time and memory."""

import gc
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from winnow.errors import WinnowError, in_words
from winnow.params import load_sections, read_yaml

TIMINGS = Path(".winnow/timings.jsonl")
WARNINGS_ON_STDOUT = "WINNOW_WARNINGS_ON_STDOUT"
"""Set in the environment by whoever reads a run's lines and leaves its standard error to the terminal."""


class Declared:
    """The part of params.yaml that a stage declares in dvc.yaml; reading any other key is an error.

    DVC reruns a stage when a declared key changes. A key that is read but not declared would leave stale results
    behind in silence, so it cannot be read.
    """

    def __init__(self, stage: str, value: BaseModel, declared: list[str], prefix: str = "") -> None:
        self._stage, self._value, self._declared, self._prefix = stage, value, declared, prefix

    def __getattr__(self, name: str) -> Any:
        key = f"{self._prefix}{name}"
        value = getattr(self._value, name)
        if any(key == item or key.startswith(f"{item}.") for item in self._declared):
            return value
        if any(item.startswith(f"{key}.") for item in self._declared):
            return Declared(self._stage, value, self._declared, f"{key}.")
        raise WinnowError(
            f"stage {self._stage} reads {key}, which dvc.yaml does not list under its params; add it there."
        )

    def sections(self) -> dict[str, Any]:
        """The sections of params.yaml that are declared whole, as plain values, for a stage that shows them."""
        return {name: getattr(self._value, name).model_dump() for name in self._declared if "." not in name}


def stage_definitions(dvc_file: str | Path = "dvc.yaml") -> dict[str, dict[str, Any]]:
    """The stages of `dvc_file` in order; of one that runs once per item what it does for each."""
    content = read_yaml(dvc_file, missing="is missing; bring it back with git.")
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(definition, dict) for definition in stages.values()):
        raise WinnowError(f"{dvc_file} defines no stages; bring it back with git.")
    return {name: definition.get("do", definition) for name, definition in stages.items()}


def leading_to(
    targets: Iterable[str], reads: Mapping[str, Iterable[str]], writes: Mapping[str, Iterable[str]]
) -> set[str]:
    """The stages that `targets` build on, themselves included.

    Args:
        targets: names of stages.
        reads, writes: paths by stage; what one reads, another wrote, or none.
    """
    made_by = {path: name for name, paths in writes.items() for path in paths}
    needed: set[str] = set()
    waiting = list(targets)
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting.extend({made_by[path] for path in reads[name] if path in made_by} - needed)
    return needed


def stages_before(dvc_file: str | Path, targets: Iterable[str]) -> list[str]:
    """The stages that `targets` need, themselves included, in the order of `dvc_file`."""
    stages = stage_definitions(dvc_file)
    reads = {name: definition.get("deps", []) for name, definition in stages.items()}
    needed = leading_to(targets, reads, {name: out_paths(definition) for name, definition in stages.items()})
    return [name for name in stages if name in needed]


def declared_params(stage: str, params: BaseModel, dvc_file: str | Path = "dvc.yaml") -> Declared:
    """Restrict `params` to what `stage` declares in `dvc_file`."""
    stages = stage_definitions(dvc_file)
    if stage not in stages:
        raise WinnowError(f"{dvc_file} has no stage {stage!r}; run the script by 'dvc repro'.")
    return Declared(stage, params, stages[stage].get("params", []))


def declared_sections(dvc_file: str | Path = "dvc.yaml") -> set[str]:
    """The sections of params.yaml that the stages of `dvc_file` declare, whole or in part."""
    keys = (key for definition in stage_definitions(dvc_file).values() for key in definition.get("params", []))
    return {key.partition(".")[0] for key in keys}


def declared_data(stage: str, dvc_file: str | Path = "dvc.yaml") -> list[str]:
    """Paths of the data and figures that `stage` declares as deps in `dvc_file`; code and versions are left out.

    A pipeline below the root reaches the code by `../`.
    """
    deps = stage_definitions(dvc_file)[stage]["deps"]
    code = re.compile(r"(\.\./)*(src|stages|versions)/")
    return [path for path in deps if not code.match(path)]


def pipeline_outs(dvc_file: str | Path = "dvc.yaml") -> set[str]:
    """Paths that the pipeline's stages write; none where there is no pipeline."""
    if not Path(dvc_file).exists():
        return set()
    definitions = stage_definitions(dvc_file).values()
    return {path for definition in definitions for path in out_paths(definition, kinds=("outs",))}


def out_paths(definition: Mapping[str, Any], *, kinds: Iterable[str] = ("outs", "metrics", "plots")) -> list[str]:
    """Paths that a stage of `stage_definitions` writes, with or without settings of their own."""
    outs = (out for kind in kinds for out in definition.get(kind, []))
    return [path for out in outs for path in (out if isinstance(out, dict) else [out])]


def warn(sentences: Iterable[str]) -> None:
    """Print each as a warning, to standard error; to standard output where WARNINGS_ON_STDOUT is set."""
    for sentence in sentences:
        print(f"warning: {sentence}", file=sys.stdout if WARNINGS_ON_STDOUT in os.environ else sys.stderr, flush=True)


def run(stage: str, main: Callable[[Declared], str | None]) -> None:
    """Run a stage script's `main(params)` and end the process: 0 done, 1 bad input, 130 interrupted.

    `stage` is its name in dvc.yaml where the script is run by hand; DVC says it otherwise. `main` gets the stage's
    declared params and may return a one-line summary, which is printed. Seconds and peak
    memory are appended to `.winnow/timings.jsonl` (git and DVC ignore it), which `make bench` and docs read.
    """
    start = time.perf_counter()
    gc.freeze()  # what the script imported stays
    gc.enable()
    stage = os.environ.get("DVC_STAGE", stage).partition("@")[0]  # another pipeline may name it otherwise
    try:
        summary = main(declared_params(stage, load_sections(declared_sections())))
    except (WinnowError, OSError, MemoryError, RuntimeError) as error:
        words = in_words(error)
        if words is None:
            raise
        print(f"\nwinnow: {stage}: {words}\n", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\nwinnow: {stage}: interrupted; run 'dvc repro' again.\n", file=sys.stderr, flush=True)
        sys.exit(130)
    seconds = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    name = " ".join([stage, *sys.argv[1:]])
    if summary:
        print(f"{name}: {summary}")
    print(f"{name}: {seconds:.1f} s, peak memory {peak_mb:.0f} MB", flush=True)
    try:
        TIMINGS.parent.mkdir(exist_ok=True)
        with TIMINGS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": name, "seconds": round(seconds, 2), "peak_mb": round(peak_mb)}) + "\n")
    except OSError as error:  # the results are written: a line of the log is not worth failing for
        warn([f"{TIMINGS} could not be written ({error.strerror})."])
