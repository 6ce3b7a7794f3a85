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
from winnow.programs import run_git

_MOMENT = 0.3  # seconds in which a process that is alive is done with writing


def repair(folder: Path) -> list[str]:
    """Put DVC's files right, where a killed process left them cut.

    A cut `dvc.lock` becomes the one that git holds, or goes where git has none: results are not lost by this, for DVC's
    cache has them by their inputs. One with the marks of a merge is a person's to put right, and stays. A cut list of
    running commands goes.

    Args:
        folder: of a pipeline. The list is that of the DVC repository around it, in which a cut lock of any pipeline
            stops all others.

    Returns:
        A sentence for each file that was put right.
    """
    folder = folder.resolve()
    root = next((place for place in (folder, *folder.parents) if (place / ".dvc").is_dir()), folder)
    locks = {place / "dvc.lock" for place in (folder, root, *root.glob("pipelines/*"))}
    said = []
    for lock in sorted(locks):
        if _is_cut(lock, lambda content: b"<<<<<<<" in content or _is_lock(content)):
            name = lock.relative_to(root).as_posix()
            kept = _kept_by_git(lock)
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


def _kept_by_git(lock: Path) -> bytes | None:
    """A whole lock as DVC staged it last, which is the last commit's where nothing is staged; None if git has none."""
    try:
        shown = run_git(lock.parent, "show", f":./{lock.name}")
    except WinnowError:  # no git
        return None
    return shown.stdout if shown.returncode == 0 and _is_lock(shown.stdout) else None
