"""Kills at drawn moments: a command ends by SIGKILL with all of its process group, and is started again.

What `benchmarks/survival.py` does a hundred times and `tests/pipeline/test_survival.py` a few times. A draw is a moment
within what the command is doing, or, aimed, the moment in which a file begins to change.
"""

import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from sample_run import outs_of, read_lock
from stub_project import call, environment

REPRO = (sys.executable, "-m", "dvc", "repro")
REUSE = (sys.executable, "-m", "winnow.cli", "reuse")
AIMS = ("dvc.lock", ".dvc/tmp/rwlock")  # what DVC writes in place
STARTING = "starting"
_RUNNING = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)
_LOOK_S = 0.02
_SERVER_S = 120


class Stuck(Exception):
    """After a kill the same command failed, with winnow's own repair, too."""


@dataclass(frozen=True)
class Draw:
    """When to kill: so many seconds after `during` began, or as soon as the file `aim` changes after that."""

    during: str
    seconds: float
    aim: str = ""


@dataclass
class Kill:
    """What became of a draw.

    Attributes:
        killed: whether the command still ran at that moment.
        repaired: what `winnow reuse` put right before the command ran again; nothing where it ran without.
    """

    draw: Draw
    killed: bool
    repaired: list[str] = field(default_factory=list)


@dataclass
class Command:
    """A command in a process group of its own, its output in a file."""

    folder: Path
    words: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                self.words,
                cwd=self.folder,
                env=environment() | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self, *, others_too: bool = False) -> bool:
        """Kill the group, and with `others_too` what it started in other groups; whether it still ran."""
        ran = not self.ended()
        others = []
        if others_too:
            with suppress(psutil.NoSuchProcess):
                others = psutil.Process(self.process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in others:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        return ran and self.process.returncode == -signal.SIGKILL


def seconds_of_stages(command: Command) -> dict[str, float]:
    """How long each stage of a `dvc repro` takes, DVC's own work around it included; raises Stuck if it fails."""
    began = {STARTING: time.monotonic()}
    while not command.ended():
        for stage in _RUNNING.findall(command.output()):
            began.setdefault(stage, time.monotonic())
        time.sleep(_LOOK_S)
    if command.process.returncode:
        raise Stuck(command.output()[-2000:])
    ends = [*list(began.values())[1:], time.monotonic()]
    return {stage: end - start for (stage, start), end in zip(began.items(), ends, strict=True)}


def kill_repro(workspace: Path, draw: Draw) -> Kill:
    """Start `dvc repro`, if need be after `winnow reuse`, and kill it as drawn; raises Stuck if it fails by itself."""
    kill = Kill(draw, killed=False)
    for _ in range(2):
        command = Command(workspace, REPRO, workspace / ".winnow/survival.log")
        kill.killed = _strike(command, draw)
        if kill.killed or command.process.returncode == 0:
            return kill
        kill.repaired += put_right(workspace, command)
    raise Stuck(command.output()[-2000:])


def finish_repro(workspace: Path) -> list[str]:
    """`dvc repro` to its end, if need be after `winnow reuse`, which is returned; raises Stuck if it fails then."""
    repaired: list[str] = []
    for _ in range(2):
        command = Command(workspace, REPRO, workspace / ".winnow/survival.log")
        if command.process.wait() == 0:
            return repaired
        repaired += put_right(workspace, command)
    raise Stuck(command.output()[-2000:])


def put_right(workspace: Path, failed: Command) -> list[str]:
    """What `winnow reuse` put right; raises Stuck with the failed command's words if that was nothing."""
    said = [line for line in call(workspace, *REUSE).splitlines() if "by a killed run" in line]
    if not said:
        raise Stuck(failed.output()[-2000:])
    return said


def _strike(command: Command, draw: Draw) -> bool:
    while draw.during != STARTING and draw.during not in _RUNNING.findall(command.output()):
        if command.ended():
            return False
        time.sleep(_LOOK_S)
    if not draw.aim:
        with suppress(subprocess.TimeoutExpired):
            command.process.wait(draw.seconds)
        return command.kill()
    folders = (command.folder, *command.folder.parents)
    aimed = next((place for place in folders if (place / draw.aim).parent.is_dir()), command.folder) / draw.aim
    before = _state(aimed)
    while _state(aimed) == before and not command.ended():
        time.sleep(0.0002)
    return command.kill()


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def contents(workspace: Path) -> dict[str, str]:
    """A digest of every file that the stages of a workspace wrote, and of what its dvc.lock says of every output."""
    lock = read_lock(workspace)
    found = {f"dvc.lock: {path}": md5 for path, md5 in outs_of(lock).items()}
    for path in outs_of(lock):
        out = workspace / path
        for file in sorted(out.rglob("*")) if out.is_dir() else [out]:
            if not file.is_dir():
                found[file.relative_to(workspace).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def kill_sweep(workspace: Path, words: Sequence[str], draw: Draw, *, runs_too: bool) -> Kill:
    """Start a sweep and kill it as drawn, with the runs that it started or without; raises Stuck if it fails."""
    command = Command(workspace, words, workspace / ".winnow/survival.log")
    with suppress(subprocess.TimeoutExpired):
        command.process.wait(draw.seconds)
    killed = command.kill(others_too=runs_too)
    if not killed and command.process.returncode:
        raise Stuck(command.output()[-2000:])
    return Kill(draw, killed)


def finish_sweep(workspace: Path, words: Sequence[str]) -> float:
    """Run a sweep to its end; seconds that it took. Raises Stuck if it fails."""
    start = time.monotonic()
    command = Command(workspace, words, workspace / ".winnow/survival.log")
    if command.process.wait():
        raise Stuck(command.output()[-2000:])
    return time.monotonic() - start


def experiments(workspace: Path) -> dict[str, str]:
    """The git tree of every experiment, which is a digest of all its files: dvc.lock, params and metrics."""
    lines = call(workspace, "git", "for-each-ref", "--format=%(refname) %(tree)", "refs/exps").splitlines()
    pairs = (line.split() for line in lines if line.startswith("refs/exps/"))
    return {parts[0].rpartition("/")[2]: parts[1] for parts in pairs if "/" in parts[0] and len(parts) == 2}


class Reviewer:
    """A client of the review app that decides on image after image, and again, and notes what was acknowledged."""

    def __init__(self, workspace: Path, image_ids: Sequence[str]) -> None:
        self.workspace, self.image_ids = workspace, image_ids
        self.saved: dict[str, dict[str, str]] = {}  # acknowledged, by image
        self.sent = 0

    def verdict(self, number: int) -> tuple[str, dict[str, Any]]:
        """The image and the verdict of this number; every round over all images decides otherwise."""
        round_, at = divmod(number, len(self.image_ids))
        action = ("keep", "drop")[round_ % 2]
        return self.image_ids[at], {"action": action, "label": None, "reviewer": "ada", "reason": f"look {number}"}

    def start(self) -> Command:
        words = [sys.executable, "-m", "winnow.cli", "review", str(self.workspace), "--port", "0"]
        return Command(self.workspace, words, self.workspace / ".winnow/survival.log")

    def address(self, app: Command) -> tuple[str, int]:
        """Host and port, once the app has printed them; raises Stuck if it does not."""
        deadline = time.monotonic() + _SERVER_S
        while not (found := re.search(r"http://([\w.]+):(\d+)/", app.output())):
            if app.ended() or time.monotonic() > deadline:
                raise Stuck(app.output()[-2000:])
            time.sleep(_LOOK_S)
        return found[1], int(found[2])

    def lost(self, app: Command) -> list[str]:
        """Images whose acknowledged verdict the app does not hold; raises Stuck where it cannot read the file."""
        connection = http.client.HTTPConnection(*self.address(app), timeout=_SERVER_S)
        connection.request("GET", "/api/verdicts")
        answer = json.loads(connection.getresponse().read())
        connection.close()
        if answer["problem"]:
            raise Stuck(answer["problem"])
        held = answer["decisions"]
        return [image for image, row in self.saved.items() if not _holds(held.get(image), row, self.last(image))]

    def last(self, image_id: str) -> dict[str, Any] | None:
        """The verdict under way when the app was killed, where it is about this image: it may be saved or not."""
        image, verdict = self.verdict(self.sent)
        return verdict if image == image_id else None

    def decide(self, app: Command, *, until: float | None = None, most: int) -> None:
        """Send verdicts up to number `most`; an app that is killed at `until` (of time.monotonic) ends it."""
        connection = http.client.HTTPConnection(*self.address(app), timeout=_SERVER_S)
        while self.sent < most:
            if until is not None and time.monotonic() > until:
                return
            image_id, verdict = self.verdict(self.sent)
            body = {"changes": [{"image_id": image_id, "expected": self.saved.get(image_id), "verdict": verdict}]}
            headers = {"Content-Type": "application/json", "X-Winnow": "1"}
            try:
                connection.request("POST", "/api/decisions", json.dumps(body), headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                return
            if answer.status != 200:
                raise Stuck(content.decode())
            self.saved[image_id] = {key: value or "" for key, value in verdict.items()}
            self.sent += 1


def _holds(row: Mapping[str, str] | None, saved: Mapping[str, str], under_way: Mapping[str, Any] | None) -> bool:
    wanted = [saved] + ([{key: value or "" for key, value in under_way.items()}] if under_way else [])
    return row is not None and any(all(row.get(key) == value for key, value in one.items()) for one in wanted)


def kill_app(reviewer: Reviewer, draw: Draw, *, most: int) -> tuple[Kill, list[str]]:
    """Start the review app and kill it as drawn, while it starts or while verdicts come in.

    Returns:
        The kill, and the images whose acknowledged verdicts of before were not there.
    """
    import threading

    app = reviewer.start()
    lost: list[str] = []
    if draw.during == STARTING:
        time.sleep(draw.seconds)
        return Kill(draw, app.kill()), lost
    lost = reviewer.lost(app)
    timer = threading.Timer(draw.seconds, app.kill)
    timer.start()
    reviewer.decide(app, most=most)
    timer.join()
    app.kill()
    return Kill(draw, app.process.returncode == -signal.SIGKILL), lost


def moments(seed: Sequence[int], seconds: Mapping[str, float], *, aimed: float = 0.2) -> Iterator[Draw]:
    """A draw for each of these, a moment within its seconds and a little beyond; a share of them is aimed at a file."""
    rng = np.random.default_rng(list(seed))
    for during, length in seconds.items():
        aim = str(rng.choice(AIMS)) if rng.random() < aimed and during != STARTING else ""
        yield Draw(during, round(float(rng.uniform(0, 1.1 * length)), 3), aim)
