"""Check that dvc.lock and the files in metrics/ were made by this tree: its code, params, versions and commands.

`dvc status` says so where the data lies; in a fresh clone it does not, and then this takes its md5 from dvc.lock.
"""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from winnow.experiments.staleness import not_whole

ROOT = Path(__file__).resolve().parents[1]


def stale(root: Path, needed: str = "metrics/evaluation.json") -> list[str]:
    """A line for each stage that would run anew, and for whatever does not fit together within dvc.lock.

    Args:
        root: the folder of a pipeline.
        needed: the file that says what its run reached.
    """
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    in_git = set(_output(root, "git", "ls-files", "-z").split("\0"))
    outs = {out["path"] for stage in lock["stages"].values() for out in stage.get("outs", [])}
    absent = {path for path in outs - in_git if not (root / path).exists()}
    lines = []
    for stage, changes in json.loads(
        _output(root, sys.executable, "-m", "dvc", "status", "dvc.yaml", "--json")
    ).items():
        found = []
        for change in changes:
            entries = change if isinstance(change, dict) else {change: {}}
            for what, paths in entries.items():
                named = _flat({path: how for path, how in paths.items() if path not in absent})
                if named or not paths:
                    found.append(f"{what} {', '.join(named)}".rstrip())
        if found:
            lines.append(f"{stage}: {'; '.join(found)}")
    mixed = not_whole(lock, params, md5=lambda path: None, needed=needed)
    return [*lines, *filter(None, [mixed])]


def _flat(paths: dict[str, str | dict[str, str]]) -> list[str]:
    """Paths in words; of a params file its changed keys."""
    return [
        f"{path} ({how})" if isinstance(how, str) else ", ".join(f"{path}:{key}" for key in how)
        for path, how in paths.items()
    ]


def _output(root: Path, *command: str) -> str:
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def main() -> None:
    lines = stale(ROOT)
    for lock in sorted(ROOT.glob("pipelines/*/dvc.lock")):
        folder = lock.parent.relative_to(ROOT).as_posix()
        lines += [f"{folder}: {line}" for line in stale(lock.parent, "metrics/summary.json")]
    if lines:
        sys.exit(
            "dvc.lock is not of this tree:\n  "
            + "\n  ".join(lines)
            + "\nRun 'make repro' ('make <name>' for pipelines/<name>) and commit dvc.lock and metrics/; after a "
            "change that alters no result (a comment, a name), 'dvc commit --force' is enough where the outputs of the "
            "last run lie."
        )
    print("dvc.lock and metrics/ are of this tree.")


if __name__ == "__main__":
    main()
