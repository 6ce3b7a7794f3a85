"""`dvc repro` in the background: verdicts and thresholds applied, and what that changed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from winnow import tables
from winnow.curation.review import ACTIONS
from winnow.errors import WinnowError
from winnow.programs import dvc_environment, stage_of, why_failed
from winnow.stage import stage_definitions, stages_before

LAST = ("quick_check", "select_validation")
"""Stages to run up to, the best first: the second where there is nothing to train on."""
VERDICTS = "data/review"
_BEFORE, _ENDED = ".winnow/applied-before.parquet", ".winnow/applied.json"  # of the last run that came to its end
_KEPT_LINES = 400
_PATIENCE_S = 5.0  # for a stage to end by itself when it is stopped


class Busy(Exception):
    """A run is under way, and there is one at a time."""


class Applying:
    """At most one run of a folder's pipeline, which goes on while the pages that watch it come and go."""

    def __init__(self, root: Path) -> None:
        """Args: the folder with dvc.yaml."""
        self._root = root
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._state, self._error, self._note = "idle", "", ""
        self._stages: dict[str, str] = {}  # by name: waiting, running, done or same
        self._reads_verdicts: set[str] = set()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._began = self._ended = 0.0
        self.before: pd.DataFrame | None = None
        self.figures_before: Mapping[str, Any] = {}
        self._recall()

    def _recall(self) -> None:
        """Take up the last run's end, which an app before this one may have seen; without it there is none to tell."""
        try:
            before, ended = pd.read_parquet(self._root / _BEFORE), tables.read_json(self._root / _ENDED)
            self.figures_before, self._ended = dict(ended["figures"]), float(ended["seconds"])
        except (OSError, ValueError, TypeError, KeyError, WinnowError):
            return
        self.before, self._state = before, "done"

    def _remember(self, before: pd.DataFrame) -> None:
        seconds = round(self._ended - self._began, 1)
        try:
            tables.write_parquet(before, self._root / _BEFORE)
            tables.write_json(self._root / _ENDED, {"figures": self.figures_before, "seconds": seconds})
        except (OSError, WinnowError):
            return  # the run is as good without; only the next app cannot tell of it

    def start(self, ledger: pd.DataFrame, figures: Mapping[str, Any], *, has_classes: bool) -> None:
        """Begin a run.

        Args:
            ledger: as it is before; kept for the comparison.
            figures: of the quick check, as they are before.
            has_classes: whether there is anything to train on.

        Raises:
            Busy: if a run is under way.
            WinnowError: if the folder has no pipeline to run.
        """
        with self._lock:
            if self._process is not None:
                raise Busy
            target, stages = self._planned(has_classes)
            self._stages = dict.fromkeys(stages, "waiting")
            self._state, self._error, self._note = "running", "", ""
            self._lines.clear()
            self.before = ledger[["image_id", "action", "final_label", "split"]].copy()
            self.figures_before = dict(figures)
            self._began = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dvc", "repro", target],
                cwd=self._root,
                env=dvc_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._thread = threading.Thread(target=self._follow, args=(self._process,), daemon=True)
            self._thread.start()

    def _planned(self, has_classes: bool) -> tuple[str, list[str]]:
        """The stage to run up to, and those before it, in order."""
        dvc_file = self._root / "dvc.yaml"
        if not dvc_file.is_file():
            raise WinnowError(f"{dvc_file} is missing, so there is no pipeline to run; restore it with git.")
        definitions = stage_definitions(dvc_file)
        found = [name for name in LAST[0 if has_classes else 1 :] if name in definitions]
        if not found:
            raise WinnowError(f"{dvc_file} has no stage {LAST[1]}; run 'dvc repro' by hand.")
        stages = stages_before(dvc_file, found[:1])
        self._reads_verdicts = {name for name in stages if VERDICTS in definitions[name].get("deps", [])}
        return found[0], stages

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._lock:
                self._take(line.strip())
        process.wait()
        with self._lock:
            if self._state == "running" and process.returncode:
                self._state, self._error = "failed", why_failed("\n".join(self._lines))
            elif self._state == "running":
                self._state = "done"
                self._stages = {name: "same" if it == "waiting" else it for name, it in self._stages.items()}
            else:
                self._state = "stopped"
            self._finish_running("done" if self._state == "done" else "stopped")
            self._ended, self._process, self._note = time.monotonic(), None, ""
            if self._state == "done" and self.before is not None:
                self._remember(self.before)

    def _take(self, line: str) -> None:
        """What a line of DVC's, or of a stage's, says of the run."""
        if not line:
            return
        self._lines.append(line)
        if found := stage_of(line):
            name, runs = found
            self._reach(name, "running" if runs else "same")
        elif any(it == "running" for it in self._stages.values()) and not line.startswith(("> ", "Updating lock")):
            self._note = line

    def _reach(self, stage: str, state: str) -> None:
        self._finish_running("done")
        self._note = ""
        first = {} if stage in self._stages else {stage: state}  # dvc.yaml names its input by a variable
        self._stages = first | self._stages | {stage: state}

    def _finish_running(self, state: str) -> None:
        self._stages = {name: state if it == "running" else it for name, it in self._stages.items()}

    def stop(self) -> None:
        """End the run and all that it started; nothing happens where none is under way. What is done stays done."""
        with self._lock:
            process, thread = self._process, self._thread
            if process is None or thread is None:
                return
            self._state = "stopping"
        for sign in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(process.pid, sign)
            except ProcessLookupError:
                break
            thread.join(_PATIENCE_S)
            if not thread.is_alive():
                break

    @property
    def reading(self) -> bool:
        """Whether a stage that reads the verdicts is still to end: one written now might be taken for applied."""
        with self._lock:
            if self._process is None:
                return False
            return any(self._stages[name] in ("waiting", "running") for name in self._reads_verdicts)

    def snapshot(self) -> dict[str, Any]:
        """JSON values: `state` (idle, running, stopping, done, failed, stopped), `stages` (name and state of each, in
        order), `note` (the last line of the stage that runs), `error` (why it failed, one sentence), `seconds`."""
        with self._lock:
            running = self._process is not None
            return {
                "state": self._state,
                "stages": [{"name": name, "state": state} for name, state in self._stages.items()],
                "note": self._note[-200:],
                "error": self._error,
                "seconds": round((time.monotonic() if running else self._ended) - self._began, 1),
            }


def counts(ledger: pd.DataFrame) -> dict[str, int]:
    """How many images are kept, relabelled and dropped."""
    found = ledger["action"].value_counts()
    return {action: int(found.get(action, 0)) for action in ACTIONS}


def changes(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """What a run changed, among the images of both.

    Args:
        before: `image_id`, `action`, `final_label`, `split` of each image.
        after: a ledger, in the order that positions count in.

    Returns:
        JSON values: `images` (how many have another action, final label or split), `by_people` (those of them that a
        person decided on) and `groups`: per `from` and `to`, each an action or `validation`, the `rows` of `after`;
        the largest first.
    """
    old = before.set_index("image_id").reindex(after["image_id"])
    known = old["action"].notna().to_numpy()
    columns = ["action", "final_label", "split"]
    changed = known & (old[columns].to_numpy() != after[columns].to_numpy()).any(axis=1)
    pairs = pd.DataFrame(
        {"from": _place(old).to_numpy()[changed], "to": _place(after).to_numpy()[changed]},
        index=changed.nonzero()[0],
    )
    groups = [
        {"from": start, "to": end, "rows": [int(row) for row in part.index]}
        for (start, end), part in pairs.groupby(["from", "to"])
    ]
    return {
        "images": int(changed.sum()),
        "by_people": int((after["decided_by"].to_numpy()[changed] != "rule").sum()),
        "groups": sorted(groups, key=lambda group: -len(group["rows"])),
    }


def _place(frame: pd.DataFrame) -> pd.Series:
    """What became of each image: its action, or `validation`."""
    return frame["action"].mask(frame["split"] == "validation", "validation")
