"""Compare what the sample's pipeline writes at two revisions: a pure refactoring changes no output.

    python tools/outs.py BASE [REVISION]

Each revision is cloned and run by `dvc repro` with one thread and one epoch of training. The md5 of every output in its
dvc.lock is kept under .winnow/outs/, so that a base is run once. Prints the outputs that differ; the exit status is 1
where there are any.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".winnow/outs"


def outs_of(lock: dict[str, Any]) -> dict[str, str]:
    """Path and md5 of every output in the content of a dvc.lock."""
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """A line for each output that is only in one of both, or differs."""
    lines = [f"gone: {path}" for path in sorted(before.keys() - after.keys())]
    lines += [f"new: {path}" for path in sorted(after.keys() - before.keys())]
    return lines + [f"differs: {path}" for path in sorted(before.keys() & after.keys()) if before[path] != after[path]]


def run_revision(revision: str) -> dict[str, str]:
    """The outputs of the sample's pipeline at `revision`, from .winnow/outs where they were made before."""
    sha = _output("git", "-C", str(ROOT), "rev-parse", f"{revision}^{{commit}}").strip()
    kept = KEPT / f"{sha}.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder) / "clone"
            _output("git", "clone", "-q", str(ROOT), str(clone))
            _output("git", "-C", str(clone), "checkout", "-q", sha)
            params = yaml.safe_load((clone / "params.yaml").read_text(encoding="utf-8"))
            params["train"]["course"]["epochs"] = 1
            (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
            threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            print(f"running {sha[:12]} ...", flush=True)
            done = subprocess.run(["dvc", "repro"], cwd=clone, env={**os.environ, **threads, "PATH": path}, check=False)
            if done.returncode:
                sys.exit(f"dvc repro failed at {sha[:12]}.")
            outs = outs_of(yaml.safe_load((clone / "dvc.lock").read_text(encoding="utf-8")))
        KEPT.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(outs, indent=1), encoding="utf-8")
    content: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    return content


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="the revision to compare with")
    parser.add_argument("revision", nargs="?", default="HEAD", help="the revision to compare; HEAD without it")
    arguments = parser.parse_args()
    before, after = run_revision(arguments.base), run_revision(arguments.revision)
    if lines := differences(before, after):
        sys.exit("\n".join(lines))
    print(f"all {len(after)} outputs are equal.")


if __name__ == "__main__":
    main()
