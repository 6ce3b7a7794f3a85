"""Run the whole pipeline in a workspace of its own and write down what it scored and how long each stage took.

    python benchmarks/pipeline.py --name synthetic-31848
    python benchmarks/pipeline.py --name ds801 --config ds801-mobilenetv2 \
        --place data/raw/train.zip=/path/to/train.zip --set train.course.epochs=4

Without `--place data/raw/...` the archive is synthetic (`benchmarks/synthetic.py`). The result is
`benchmarks/results/pipeline-<name>.json`. Runs through `dvc repro`; where DVC is not installed, the stages' commands
are run in the order of dvc.yaml. Give `--workspace` to resume a run that was killed.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from machine import machine
from synthetic import write_archive
from winnow.params.configs import compose
from winnow.params.settings import parse_settings

ROOT = Path(__file__).resolve().parents[1]
TREE = (
    "src",
    "stages",
    "versions",
    "dvc.yaml",
    "data/none",
    "data/review",
    ".dvcignore",
    ".gitignore",
    "pyproject.toml",
)
METRICS = (
    "manifest",
    "duplicates",
    "crossval",
    "label_issues",
    "curate",
    "validation_set",
    "augment",
    "submission",
)


def main() -> None:
    arguments = parse()
    workspace = Path(arguments.workspace or tempfile.mkdtemp(prefix="winnow-"))
    prepare(workspace, arguments)
    measured_on = machine()  # now, for the workspace holds the tree as it is now
    start = time.perf_counter()
    run(workspace)
    seconds = time.perf_counter() - start
    write_result(workspace, arguments, measured_on, seconds)
    if not arguments.workspace:
        shutil.rmtree(workspace)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="names the result file")
    parser.add_argument("--config", default="params.yaml", help="what 'winnow init' takes: a config or a params file")
    parser.add_argument(
        "--place", action="append", default=[], metavar="PATH=FILE", help="link FILE into the workspace"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a param")
    parser.add_argument("--images", type=int, default=31_848, help="size of the synthetic archive")
    parser.add_argument("--workspace", help="a folder to run in and keep (default: a temporary one)")
    parser.add_argument("--remark", default="", help="what a reader of the result should know")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results"), help="folder of the result file")
    return parser.parse_args()


def prepare(workspace: Path, arguments: argparse.Namespace) -> None:
    workspace.mkdir(parents=True, exist_ok=True)
    for name in TREE:
        source, target = ROOT / name, workspace / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for item in arguments.place:
        place, _, file = item.partition("=")
        target = workspace / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(file, target)
    settings = parse_settings(arguments.set)
    if not any(item.startswith("data/raw/") for item in arguments.place):
        settings = {
            "data.archive": "data/raw/synthetic.zip",
            "data.test_archive": "data/none",
            "data.truth": "data/none",
        } | settings
        archive = workspace / "data/raw/synthetic.zip"
        archive.parent.mkdir(parents=True, exist_ok=True)
        if not archive.exists():
            write_archive(archive, images=arguments.images, seed=0)
    params = compose(arguments.config, settings, start=ROOT)
    (workspace / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def run(workspace: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if importlib.util.find_spec("dvc"):
        if not (workspace / ".dvc").exists():
            subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], cwd=workspace, check=True)
        subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=workspace, check=True, env=environment)
        return
    definition = yaml.safe_load((workspace / "dvc.yaml").read_text())
    words = {key: value for part in definition["vars"] for key, value in part.items()}
    for stage in definition["stages"].values():
        for item in stage.get("foreach", [""]):
            command = stage.get("do", stage)["cmd"].replace("${item}", item)
            for key, value in words.items():
                command = command.replace(f"${{{key}}}", value)
            subprocess.run(command, shell=True, cwd=workspace, check=True, env=environment)


def write_result(workspace: Path, arguments: argparse.Namespace, measured_on: dict, seconds: float) -> None:
    timings: dict[str, dict] = {}
    for line in (workspace / ".winnow/timings.jsonl").read_text().splitlines():
        timing = json.loads(line)
        timings[timing.pop("stage")] = timing  # the last run of a stage counts
    result = {
        "benchmark": "pipeline",
        "name": arguments.name,
        **measured_on,
        "config": arguments.config,
        "changes": arguments.set,
        "remark": arguments.remark,
        "seconds": round(seconds, 1),
        "stages": timings,
        "metrics": {name: json.loads((workspace / f"metrics/{name}.json").read_text()) for name in METRICS},
        "evaluation": json.loads((workspace / "metrics/evaluation.json").read_text()),
        "scorecard": json.loads((workspace / "metrics/scorecard.json").read_text()),
    }
    out = Path(arguments.out) / f"pipeline-{arguments.name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
