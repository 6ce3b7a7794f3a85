"""A place to run an experiment in: a clone of its own, under .winnow/sweeps, that shares the DVC cache.

Measured against the other ways. In the workspace, `-S` leaves its params behind for the next run, a kill leaves half a
run, and nothing runs side by side. `--temp` starts from an empty folder every time: the checkpoints of a killed
training are lost, and so is every input that neither git nor DVC holds (an archive under data/raw, weights). A clone
that stays keeps both, and the user's workspace is never touched.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from dvc.stage import PipelineStage

from winnow.dvc_files import repair
from winnow.errors import WinnowError
from winnow.experiments.plan import PlannedRun, overrides
from winnow.experiments.repository import Repository
from winnow.experiments.results import dvc_repository, in_place, lock_file, not_in_cache
from winnow.programs import dvc_environment
from winnow.tables import records

SWEEPS = Path(".winnow/sweeps")
_MARK = "WINNOW_SLOT"  # in the environment of all that runs in a slot


@contextmanager
def only_one(repository: Repository) -> Iterator[None]:
    """Hold the slots; raises WinnowError if another sweep of this repository holds them."""
    file = repository.root / SWEEPS / "lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it however this process ends
        except OSError:
            raise WinnowError("another sweep is running in this repository; wait for it, or stop it.") from None
        yield


class Source:
    """What every slot needs of the user's workspace: its inputs, its results, and where its cache is."""

    def __init__(self, repository: Repository, params: dict[str, Any]) -> None:
        """Look the workspace over.

        Raises:
            WinnowError: if params.yaml, dvc.yaml or what a stage depends on differs from the last commit, or the cache
                lacks results that dvc.lock names.
        """
        self.repository = repository
        root = repository.root
        with dvc_repository(root) as repo:
            outs = [Path(out.fs_path) for out in repo.index.outs]
            deps = {Path(dep.fs_path) for dep in repo.index.deps if dep.protocol == "local"}
            self.cache = Path(repo.cache.local_cache_dir).resolve()
            missing = not_in_cache(repo, root)
            stored = [stage.name for stage in missing if in_place(stage)]
            locks = {lock_file(stage) for stage in repo.index.stages if isinstance(stage, PipelineStage)}
            in_git = {Path(out.fs_path) for out in repo.index.outs if not out.use_cache}
        inputs = sorted(
            dep.relative_to(root).as_posix()
            for dep in deps
            if dep.is_relative_to(root) and not any(dep == out or dep.is_relative_to(out) for out in outs)
        )
        changed = repository.uncommitted(["params.yaml", "dvc.yaml", "*.dvc", *inputs])
        if changed:
            what = f"{changed[0]} differs" if len(changed) == 1 else f"{changed[0]} and {len(changed) - 1} more differ"
            raise WinnowError(f"{what} from the last commit, and every run hangs off that; commit first.")
        if stored:
            raise WinnowError(
                f"DVC's cache lacks the results of {_some(stored)}, and every run would compute them anew; run "
                "'dvc commit' first, which stores those of the workspace."
            )
        if missing:
            names = _some([stage.name for stage in missing])
            raise WinnowError(
                f"dvc.lock names results of {names} that this machine does not have, and every run would compute them "
                "anew; run 'make repro' first, which takes what was computed here before from DVC's cache."
            )
        # dvc.lock and the results in git as they are here: where the last commit is another machine's, or no run was
        # committed, a run that began from the commit would compute every score anew.
        self.results = sorted(
            file.relative_to(root).as_posix() for file in (*locks, *in_git) if file.is_relative_to(root)
        )
        # Weights and the like are named in params.yaml only.
        named = [value for value in records(params).values() if isinstance(value, str) and _is_inside(root, value)]
        self._inputs = [*inputs, *named]
        self._held = {out.relative_to(root).as_posix() for out in outs if out.is_relative_to(root)}
        self.untracked = self.untracked_in(repository)

    def untracked_in(self, repository: Repository) -> list[str]:
        """The inputs in a repository that neither git nor DVC holds."""
        return [
            file
            for file in repository.untracked(self._inputs)
            if "__pycache__" not in file and not any(file == out or file.startswith(f"{out}/") for out in self._held)
        ]


class Slot:
    """One clone; at most one run at a time."""

    def __init__(self, source: Source, index: int, device: str | None) -> None:
        self.source, self.device = source, device
        self.path = source.repository.root / SWEEPS / f"slot-{index}"

    def stop_leftovers(self) -> int:
        """End what an earlier, killed sweep left running in this slot; returns how many processes."""
        left = [process for process in psutil.process_iter() if self._started(process)]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)
        return len(left)

    def _started(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(_MARK) == str(self.path)
        except (psutil.Error, OSError):
            return False

    def prepare(self) -> None:
        """Bring the slot to the last commit with the workspace's inputs and results in place; a run's leavings go.

        Files that git ignores stay: outputs, which DVC checks, and the checkpoints under .winnow/scratch.
        """
        root = self.source.repository.root
        if not (self.path / ".git").is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.source.repository.git("clone", "-q", "--no-checkout", str(root), str(self.path))
        (self.path / ".git/index.lock").unlink(missing_ok=True)  # of a killed git
        own = Repository(self.path)
        own.git("fetch", "-q", str(root), "HEAD")
        own.git("checkout", "-q", "--force", "--detach", "FETCH_HEAD")
        own.git("clean", "-qfd")
        for line in own.git("for-each-ref", "--format=%(refname)", "refs/exps").split():
            own.git("update-ref", "-d", line)
        for key in ("user.name", "user.email"):  # set for the user's repository alone, perhaps
            value = subprocess.run(["git", "config", key], cwd=root, capture_output=True, text=True, check=False).stdout
            if value.strip():
                own.git("config", key, value.strip())
        self._configure(root / ".dvc/config.local", self.path / ".dvc/config.local")
        for file in set(self.source.untracked_in(own)) - set(self.source.untracked):
            (self.path / file).unlink()  # a picture that the user took out of a folder must not stay in here
        for file in self.source.untracked:
            _link(root / file, self.path / file)
        for file in self.source.results:
            _copy(root / file, self.path / file)
        repair(self.path)

    def _configure(self, users: Path, own: Path) -> None:
        """The user's local settings (of remotes, say), and the cache. DVC takes seconds to start: only if need be."""
        if own.is_file() and (not users.is_file() or users.stat().st_mtime < own.stat().st_mtime):
            return
        if users.is_file():
            shutil.copyfile(users, own)
        self._dvc("config", "--local", "cache.dir", str(self.source.cache))

    def start(self, run: PlannedRun, log: Path) -> subprocess.Popen[bytes]:
        """Start the run; its output goes to `log`, and it waits for no one: there is no terminal to ask at."""
        command = [sys.executable, "-m", "dvc", "exp", "run", "--name", run.name, *overrides(run.changes)]
        with log.open("wb") as output:
            return subprocess.Popen(
                command,
                cwd=self.path,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End the run and everything that it started."""
        for sign, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 10)):
            try:
                os.killpg(process.pid, sign)
                process.wait(timeout=patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.stop_leftovers()

    def collect(self, run: PlannedRun) -> None:
        """Hand the finished experiment to the user's repository; raises WinnowError if there is none."""
        found = [experiment for experiment in Repository(self.path).experiments() if experiment.name == run.name]
        if not found:
            raise WinnowError("DVC ended well but stored no experiment")
        self.source.repository.git("fetch", "-q", str(self.path), f"+{found[0].ref}:{found[0].ref}")

    def _dvc(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.path,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise WinnowError(f"dvc {arguments[0]} failed in {self.path}: {done.stderr.strip()}")

    def _environment(self) -> dict[str, str]:
        own = {"GIT_TERMINAL_PROMPT": "0", _MARK: str(self.path)}
        if self.device is not None:
            own["CUDA_VISIBLE_DEVICES"] = self.device
        dropped = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "DVC_STAGE"}  # of a hook or stage that calls us
        return {key: value for key, value in dvc_environment().items() if key not in dropped} | own


def _is_inside(root: Path, value: str) -> bool:
    """Whether a param names a file or folder below the root (not the root itself, and nothing absolute)."""
    path = Path(value)
    return path.parts != () and not path.is_absolute() and ".." not in path.parts and (root / path).exists()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more stages" if len(names) > 3 else "")


def _copy(source: Path, target: Path) -> None:
    """The same content in both places, where there is any."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _link(source: Path, target: Path) -> None:
    """The same file in both places, without a copy where the file system can."""
    if target.exists() and (target.samefile(source) or target.stat().st_mtime_ns == source.stat().st_mtime_ns):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
