"""DVC's own files after a kill.

DVC writes `dvc.lock` and the list of its running commands, `.dvc/tmp/rwlock`, in place: a process that is killed in
that moment leaves them empty or cut, and every later command of DVC fails on them.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from winnow import tables
from winnow.errors import WinnowError
from winnow.experiments.repository import Repository

_MOMENT = 0.3  # seconds in which a process that is alive is done with writing


def repair(root: Path) -> list[str]:
    """Put DVC's files below `root` right, where a killed process left them cut.

    A cut `dvc.lock` becomes the one that git holds, or goes where git has none: results are not lost by this, for DVC's
    cache has them by their inputs. One with the marks of a merge is a person's to put right, and stays. A cut list of
    running commands goes.

    Returns:
        A sentence for each file that was put right.
    """
    said = []
    for lock in (root / "dvc.lock", *sorted(root.glob("pipelines/*/dvc.lock"))):
        if _is_cut(lock, lambda content: b"<<<<<<<" in content or _is_lock(content)):
            name = lock.relative_to(root).as_posix()
            kept = _kept_by_git(root, name)
            if kept is None:
                lock.unlink()
                said.append(f"{name} was cut by a killed run and is removed; 'dvc repro' takes results from the cache.")
            else:
                tables.write_bytes(lock, kept)
                said.append(f"{name} was cut by a killed run; the one that git holds is back in its place.")
    running = root / ".dvc/tmp/rwlock"
    if _is_cut(running, _is_json):
        running.unlink()
        said.append(f"{running.relative_to(root)} was cut by a killed run and is removed; it held no results.")
    return said


def _is_cut(file: Path, is_whole: Callable[[bytes], bool]) -> bool:
    """Whether there is a file that is not whole, and no one is writing it at this moment."""
    if not file.is_file():
        return False
    content = file.read_bytes()
    if is_whole(content):
        return False
    time.sleep(_MOMENT)
    return file.is_file() and file.read_bytes() == content


def _is_lock(content: bytes) -> bool:
    try:
        lock = yaml.safe_load(content)
        entries = lock["stages"].values()
        return all("cmd" in entry and all("path" in out for out in entry.get("outs", [])) for entry in entries)
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return False


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


def _kept_by_git(root: Path, name: str) -> bytes | None:
    """A whole file's content as DVC staged it last, which is the last commit's where nothing is staged; or None."""
    try:
        content = Repository(root).read(name, rev="")
    except WinnowError:
        return None
    return content if content and _is_lock(content) else None
