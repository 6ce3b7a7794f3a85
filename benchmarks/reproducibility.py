"""Does the sample's pipeline write the same bytes with other threads and cores, and on another processor?

    python benchmarks/reproducibility.py

Runs `dvc repro` in a fresh clone of HEAD per variant, with one epoch of training, and compares every output's md5 and
every image's decision with the first variant's. The variants with threads set them as a user does, in the environment,
and the cores by `taskset`; `another processor` keeps the libraries to AVX2, as on a machine without AVX-512, and runs
up to the decisions. Writes `benchmarks/results/reproducibility.json`.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import pandas as pd

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from sample_run import clone_sample, outs_of, read_lock, repro, threads  # noqa: E402

AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "FAISS_OPT_LEVEL": "avx2",
}
DECISIONS = "data/interim/decisions.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4], help="threads that the user sets")
    parser.add_argument("--epochs", type=int, default=1, help="epochs of the sample's training")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results/reproducibility.json"), help="the result file")
    arguments = parser.parse_args()
    most = len(os.sched_getaffinity(0))
    variants = [
        (f"{count} threads on {min(count, most)} cores", min(count, most), threads(count), "report")
        for count in arguments.threads
    ]
    variants.append(("another processor: AVX2", most, threads(1) | AVX2, "curate"))
    made = []
    for name, cores, settings, target in variants:
        outs, decisions = run(cores=cores, settings=settings, target=target, epochs=arguments.epochs)
        made.append((name, outs, decisions))
        print(json.dumps(compared(*made[0], *made[-1])), flush=True)
    result = {"benchmark": "reproducibility", **machine(), "epochs": arguments.epochs}
    result["runs"] = [compared(*made[0], *each) for each in made]
    Path(arguments.out).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def run(*, cores: int, settings: dict[str, str], target: str, epochs: int) -> tuple[dict[str, str], pd.DataFrame]:
    """Path and md5 of every output of `dvc repro target` in a clone of HEAD, and its decisions."""
    with tempfile.TemporaryDirectory(prefix="winnow-") as folder:
        clone = clone_sample(Path(folder) / "clone", epochs=epochs)
        chosen = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
        repro(clone, "-q", target, settings=settings, before=["taskset", "-c", chosen]).check_returncode()
        outs = {path: md5 for path, md5 in outs_of(read_lock(clone)).items() if (clone / path).exists()}
        decisions = pd.read_parquet(clone / DECISIONS, columns=["image_id", "action", "rule", "final_label"])
        return outs, decisions.set_index("image_id")


def compared(
    base: str, base_outs: dict[str, str], before: pd.DataFrame, name: str, outs: dict[str, str], after: pd.DataFrame
) -> dict:
    """What differs from the first variant; of one that stopped at the decisions, these alone."""
    whole = outs.keys() == base_outs.keys()
    changed = (before != after.loc[before.index]).any(axis=1)
    return {
        "run": name,
        "compared with": base,
        **({"outputs": len(outs), "outputs_that_differ": differing(base_outs, outs)} if whole else {}),
        "images": len(before),
        "decisions_that_differ": int(changed.sum()),
        "share_of_decisions": round(float(changed.mean()), 5),
        "actions": after["action"].value_counts().to_dict(),
    }


def differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(path for path in before if before[path] != after[path])


if __name__ == "__main__":
    main()
