"""The part of the pipeline that scores and decides, run by DVC, with a line per stage."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from winnow.dvc_files import repair
from winnow.errors import WinnowError
from winnow.programs import dvc_environment, stage_of
from winnow.stage import WARNINGS_ON_STDOUT, stage_definitions, stages_before

TARGETS = ("select_validation", "project_map")
"""The stages behind which the ledger and the map are there; nothing is trained for them but the encoder."""
_TOOK = re.compile(r"[\d.]+ s, peak memory")


def run_pipeline(folder: Path, *, targets: Iterable[str] = TARGETS, say: Callable[[str], None]) -> float:
    """Run `dvc repro` for some stages; what is up to date is not run again, and after a kill it goes on.

    Args:
        folder: the workspace.
        targets: stages to bring up to date.
        say: takes a line for a person, one as each stage begins and one as it ends.

    Returns:
        Seconds.

    Raises:
        WinnowError: if a stage fails, with its own sentence.
    """
    start = time.monotonic()
    targets = tuple(targets)
    for sentence in repair(folder):
        say(sentence)
    command = [sys.executable, "-m", "dvc", "repro", *targets]
    environment = dvc_environment() | {WARNINGS_ON_STDOUT: "1"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
    ) as process:
        assert process.stdout is not None
        try:
            for line in told(process.stdout, stages_before(folder / "dvc.yaml", targets), _descriptions(folder)):
                say(line)
        except KeyboardInterrupt:
            process.wait()
            raise WinnowError("interrupted; the same command goes on from here.") from None
    if process.returncode:
        raise WinnowError(f"the pipeline stopped in {folder}, as said above; the same command goes on from there.")
    return time.monotonic() - start


def told(lines: Iterable[str], stages: list[str], descriptions: dict[str, str]) -> Iterator[str]:
    """What DVC prints, in a line per stage: its number, what it does, and the line with which it ends.

    Args:
        lines: of `dvc repro`.
        stages: that it may run, in order.
        descriptions: what each does, in words.
    """
    seen: dict[str, bool] = {}  # whether it ran
    running = ""
    for line in lines:
        text = line.rstrip()
        if found := stage_of(text):
            name, runs = found
            running = name if runs else ""
            if name in stages and name not in seen:
                seen[name] = bool(running)
                if running:
                    yield f"[{len(seen)}/{len(stages)}] {descriptions.get(name, name).rstrip('.')}"
        elif running and text.startswith(f"{running}: ") and not _TOOK.match(text.removeprefix(f"{running}: ")):
            yield f"      {text.removeprefix(f'{running}: ')}"
        elif text.startswith(("warning: ", "note: ")):
            yield f"      {text}"
    if same := sum(not ran for ran in seen.values()):
        yield f"{same} of {len(stages)} steps were up to date."


def _descriptions(folder: Path) -> dict[str, str]:
    return {name: definition.get("desc", name) for name, definition in stage_definitions(folder / "dvc.yaml").items()}
