"""A tiny DVC project with winnow's params and file names and stages that take no time, for what runs experiments."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from warm_python import warm_python

WORK = """
import json, sys, time
from pathlib import Path
import yaml

params = yaml.safe_load(Path("params.yaml").read_text())
if sys.argv[1] == "score":
    Path("data/interim").mkdir(parents=True, exist_ok=True)
    Path("data/interim/scores.txt").write_text(Path("data/raw/archive.zip").read_text().upper())
elif sys.argv[1] == "curate":
    Path("began").touch()
    time.sleep(params["curate"]["class_floor"])
    if params["curate"]["ood_threshold"] == 0:
        sys.exit("winnow: curate: curate.ood_threshold is 0.")
    Path("data/interim/decisions.txt").write_text(str(params["curate"]["ood_threshold"]))
else:
    right = int(100 * float(Path("data/interim/decisions.txt").read_text()))  # of 100, the same for every class
    Path("metrics/predictions").mkdir(parents=True, exist_ok=True)
    metrics = {}
    for arm, correct in (("baseline", 30), ("submission", right)):
        rows = [
            f"{split},img_{split}_{i:03d},0,{'ab'[i % 2]},{'ab'[(i % 2) ^ (i >= correct)]}"
            for split in ("test", "validation") for i in range(100)
        ]
        text = "split,image_id,leaks,label,seed-0\\n" + "\\n".join(rows) + "\\n"
        Path(f"metrics/predictions/{arm}.csv").write_text(text)
        score = {"balanced_accuracy": correct / 100, "seeds": 1, "images": 100}
        metrics[arm] = {"validation": score, "test": score}
    Path("metrics/evaluation.json").write_text(json.dumps(metrics))
    figures = {"val": right / 100, "test": right / 100, "keep": right, "relabel": 0, "drop": 100 - right}
    Path("metrics/summary.json").write_text(json.dumps(figures))
"""
PIPELINE = {
    "stages": {
        "score": {
            "cmd": "python work.py score",
            "deps": ["data/raw/archive.zip", "work.py"],
            "params": ["embed.batch_size"],
            "outs": ["data/interim/scores.txt"],
        },
        "curate": {
            "cmd": "python work.py curate",
            "deps": ["data/interim/scores.txt", "work.py"],
            "params": ["curate"],
            "outs": ["data/interim/decisions.txt"],
        },
        "evaluate": {
            "cmd": "python work.py evaluate",
            "deps": ["data/interim/decisions.txt", "work.py"],
            "params": ["evaluate"],
            "outs": [{f"metrics/predictions/{arm}.csv": {"cache": False}} for arm in ("baseline", "submission")],
            "metrics": [{f"metrics/{name}.json": {"cache": False}} for name in ("evaluation", "summary")],
        },
    }
}


def make_project(folder: Path, root: Path) -> Path:
    """A git and DVC repository, run once and committed; its archive is held by neither git nor DVC."""
    (folder / "data/raw").mkdir(parents=True)
    (folder / "data/raw/archive.zip").write_text("archive")
    (folder / "metrics").mkdir()
    (folder / "work.py").write_text(WORK)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["data"] |= dict.fromkeys(("archive", "test_archive"), "data/raw/archive.zip") | {"truth": "data/none"}
    params["curate"] |= {"class_floor": 0, "ood_threshold": 0.5}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / ".gitignore").write_text("/data/raw/\n/data/interim/\n/.winnow/\n/began\n")
    (folder / ".dvcignore").write_text("/.winnow/\n")
    call(folder, "git", "init", "-q")
    call(folder, "dvc", "init", "-q")
    call(folder, "dvc", "config", "core.autostage", "true")
    call(folder, "dvc", "repro", "-q")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-q", "-m", "start")
    return folder


def environment(*, warm: bool = False) -> dict[str, str]:
    """The tests' own Python first, or a warm one before it, a user of git, and winnow's source."""
    who = {f"GIT_{role}_{part}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    first = [str(warm_python().programs)] if warm else []
    path = os.pathsep.join([*first, str(Path(sys.executable).parent), os.environ["PATH"]])
    source = str(Path(__file__).resolve().parents[2] / "src")
    return os.environ | who | {"PATH": path, "PYTHONPATH": source, "DVC_NO_ANALYTICS": "1", "COLUMNS": "160"}


def call(folder: Path, *command: str, fails: bool = False, timeout: int = 300) -> str:
    """Run a command to its end, in so many seconds at most, in forks of a warm Python; its output."""
    settings = {"cwd": folder, "env": environment(warm=True), "timeout": timeout}
    done = subprocess.run(command, **settings, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, output
    return output


def winnow(folder: Path, *arguments: str, fails: bool = False) -> str:
    """Run a command of winnow's; its output."""
    return call(folder, "python3", "-m", "winnow.cli", *arguments, fails=fails)
