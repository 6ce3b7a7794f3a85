"""How well quick figures rank runs as the full training does.

    winnow sweep configs/sweeps/quick.yaml
    python benchmarks/quick_check.py

Reads the experiments of the workspace that it is run in, and compares with the submission's balanced accuracy on the
test set: the quick check's figures, a linear probe on the features that is fitted on the curated labels and judged on
the run's validation set, and the share of right labels where there is a truth. Spearman's rank correlation over the
runs. Writes `benchmarks/results/quick-check.json`, and prints docs/experiments.md's table.

    python benchmarks/quick_check.py --again

makes the quick check's figures anew and keeps the others of that file: for a change of the quick check alone.
"""

import argparse
import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from machine import machine
from winnow.errors import WinnowError
from winnow.experiments.plan import overrides, read_sweep, sweep_runs
from winnow.experiments.repository import Repository
from winnow.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
SWEEP = ROOT / "configs/sweeps/quick.yaml"
WORDS = {
    "quick_test": "quick check, test set",
    "quick_validation": "quick check, validation set",
    "probe": "linear probe, validation set",
    "right": "share of right labels (needs a truth)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=ROOT / "benchmarks/results/quick-check.json", type=Path)
    parser.add_argument("--again", action="store_true", help="the quick check's figures alone")
    arguments = parser.parse_args()
    repository, workspace = Repository(Path()), Workspace()
    if arguments.again:
        before = json.loads(arguments.out.read_text(encoding="utf-8"))
        runs = [row | quick_figures(row["run"]) for row in before["runs"]]
        trained = before.get("trained_at", before["revision"])
    else:
        runs = [figures(repository, workspace, run.name, run.rev) for run in repository.experiments()]
        trained = machine()["revision"]
    if len(runs) < 3:
        raise WinnowError(f"{len(runs)} experiments cannot be ranked; run 'winnow sweep configs/sweeps/quick.yaml'.")
    table = pd.DataFrame(runs).sort_values("test")
    ranks = {name: round(float(spearmanr(table[name], table["test"]).statistic), 3) for name in WORDS}
    result = {"benchmark": "quick-check", **machine(), "trained_at": trained, "spearman": ranks}
    result["runs"] = table.to_dict("records")
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"| Spearman with the full training's test figure, {len(runs)} runs | |\n| --- | ---: |")
    for name, words in WORDS.items():
        print(f"| {words} | {ranks[name]:.2f} |")


def figures(repository: Repository, workspace: Workspace, name: str, rev: str) -> dict[str, float | str]:
    """What a run came to, by every measure."""
    read = {stage: json.loads(repository.read(f"metrics/{stage}.json", rev)) for stage in ("quick_check", "summary")}
    ledger = pd.read_parquet(io.BytesIO(cached(repository, rev, "data/processed/ledger.parquet")))
    ledger = ledger[ledger["final_label"] >= 0]
    features = workspace.arrays("features", of=ledger["image_id"].to_numpy())["features"]
    labels, train = ledger["final_label"].to_numpy(), (ledger["split"] == "train").to_numpy()
    held_out = (ledger["split"] == "validation").to_numpy()
    probe = LogisticRegression(max_iter=2000).fit(features[train], labels[train])
    return {
        "run": name,
        "test": read["summary"]["test"],
        **read["quick_check"],
        "probe": round(float(balanced_accuracy_score(labels[held_out], probe.predict(features[held_out]))), 4),
        "right": read["summary"]["right"],
        "images": int(np.sum(train)),
    }


def quick_figures(name: str) -> dict[str, float]:
    """The quick check's figures of one of the sweep's runs, and the CPU seconds that they took."""
    changes = next(run.changes for run in sweep_runs(read_sweep(SWEEP), {}) if run.name == name)
    run = [sys.executable, "-m", "dvc", "exp", "run", "--quiet", *overrides(changes), "quick_check"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(run, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: dict[str, float] = json.loads(Path("metrics/quick_check.json").read_text(encoding="utf-8"))
    subprocess.run(["git", "checkout", "--quiet", "params.yaml", "dvc.lock", "metrics"], check=True)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found | {"quick_cpu_s": round(cpu, 1)}


def cached(repository: Repository, rev: str, path: str) -> bytes:
    """The content of an out of a run, from DVC's cache."""
    for stage in yaml.safe_load(repository.read("dvc.lock", rev))["stages"].values():
        for out in stage.get("outs", []):
            if out["path"] == path:
                return Path(f".dvc/cache/files/md5/{out['md5'][:2]}/{out['md5'][2:]}").read_bytes()
    raise WinnowError(f"run {rev[:8]} has no {path}.")


if __name__ == "__main__":
    main()
