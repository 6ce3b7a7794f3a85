"""The built-in sample's pipeline in a clone of a revision, with few epochs, and what a run's dvc.lock says it wrote."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]


def threads(count: int) -> dict[str, str]:
    """An environment in which libraries take so many threads."""
    return {f"{library}_NUM_THREADS": str(count) for library in ("OMP", "MKL", "OPENBLAS", "NUMBA")}


def clone_sample(folder: Path, *, revision: str = "HEAD", epochs: int = 1) -> Path:
    """Clone the repository at a revision, with so many epochs of the sample's training in its params."""
    sha = commit_of(revision)
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "checkout", "-q", sha], check=True)
    file = folder / "params.yaml"
    params = yaml.safe_load(file.read_text(encoding="utf-8"))
    params["train"]["course"]["epochs"] = epochs
    file.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    return folder


def commit_of(revision: str) -> str:
    """The full hash of a revision's commit."""
    command = ["git", "-C", str(ROOT), "rev-parse", f"{revision}^{{commit}}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repro(
    clone: Path, *arguments: str, settings: Mapping[str, str], before: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run `dvc repro` in a clone with this Python, these settings in its environment, and `before` ahead of it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **settings, "PATH": path}
    return subprocess.run([*before, "dvc", "repro", *arguments], cwd=clone, env=environment, check=False)


def read_lock(folder: Path) -> dict[str, Any]:
    """The content of a folder's dvc.lock."""
    lock: dict[str, Any] = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
    return lock


def outs_of(lock: Mapping[str, Any]) -> dict[str, str]:
    """Path and md5 of every output in the content of a dvc.lock."""
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """A line for each output that is only in one of both, or differs."""
    lines = [f"gone: {path}" for path in sorted(before.keys() - after.keys())]
    lines += [f"new: {path}" for path in sorted(after.keys() - before.keys())]
    return lines + [f"differs: {path}" for path in sorted(before.keys() & after.keys()) if before[path] != after[path]]
