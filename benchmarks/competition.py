"""The Data-Centric AI competition's table: what each part of cleaning and augmentation is worth to its fixed network.

    python benchmarks/competition.py --shared ../shared               # half an hour a training and core
    python benchmarks/competition.py --shared ../shared --jobs 16     # on a GPU, which these small steps do not fill

Trains the fixed network by the official recipe on each row's data, with each seed, and measures it on half of the
hidden test, with and without the images that the organisers also released, into `benchmarks/results/competition.json`.
Every finished training is kept under `--state`, and an unfinished one goes on after its last epoch: the command can be
killed and started again; other code than before starts anew. `--report` trains nothing and writes what there is,
unfinished trainings marked as such; `--prepare` trains nothing either and makes all that the rows need under `--state`
but for their copies: it is small, and can be taken to a GPU's machine, with the same code. Rows of which the state has
nothing stay in the result as they are.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from competition_data import Numerals, read_numerals, seen_before, shrunk
from competition_rows import ROWS, Prepared, cleaned_and_searched, prepare, state_of_this_code
from machine import machine
from winnow import tables
from winnow.checkpoint import load_checkpoint
from winnow.device import best_device
from winnow.models.classifier import train_classifier
from winnow.models.networks import find_network
from winnow.models.predict import predict
from winnow.models.recipe import named_recipe
from winnow.submission.competition import CLASS_NAMES, MOST_IMAGES, graded_count

ROOT = Path(__file__).resolve().parents[1]
RECIPE = {"batch_size": 8, "learning_rate": 1e-4, "precision": "float32"}
RESAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/roman-numerals")
    parser.add_argument("--state", default=".winnow/competition", type=Path, help="where trainings are kept")
    parser.add_argument("--rows", default=",".join(ROWS), help="which, comma-separated")
    parser.add_argument(
        "--seeds", default="0,1,2", help="which, comma-separated; all rows of a seed come before the next"
    )
    parser.add_argument("--epochs", default=100, type=int, help="the official recipe has 100")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/competition.json", type=Path)
    parser.add_argument("--jobs", default=1, type=int, help="trainings at a time, a process each")
    parser.add_argument("--report", action="store_true", help="train nothing, write what there is")
    parser.add_argument("--prepare", action="store_true", help="train nothing, make what the rows train on")
    arguments = parser.parse_args()
    names, seeds = arguments.rows.split(","), [int(seed) for seed in arguments.seeds.split(",")]
    if unknown := sorted(set(names) - set(ROWS)):
        raise SystemExit(f"no row is called {unknown[0]!r}; there are {', '.join(ROWS)}")

    folder, state = arguments.shared / "data/roman-numerals", state_of_this_code(arguments.state)
    test, released = read_numerals(folder / "test-half.zip"), read_numerals(folder / "roman-numerals.zip")
    leaked = seen_before(test, released)
    test_pixels = shrunk(test.images)
    audit = folder / "human-audit.csv"
    if arguments.prepare:
        for name in names:
            cleaned_and_searched(name, released, audit, state=state)
            print(f"{name} is prepared", flush=True)
        return
    tasks = [] if arguments.report else [(seed, name) for seed in seeds for name in names]
    tasks = [(seed, name) for seed, name in tasks if not (state / name / f"seed-{seed}.json").exists()]

    def write_all() -> None:
        write(arguments.out, state, names, seeds, arguments.epochs, test, test_pixels, leaked)

    if arguments.jobs > 1:
        with ThreadPoolExecutor(arguments.jobs) as pool:
            list(pool.map(lambda task: run_apart(*task, arguments, state), tasks))
    else:
        for seed, name in tasks:
            prepared = prepare(name, released, audit, state=state)
            run(prepared, test_pixels, state / name, seed=seed, epochs=arguments.epochs)
            write_all()
    write_all()


def run_apart(seed: int, name: str, arguments: argparse.Namespace, state: Path) -> None:
    """One training in a process of its own, which writes no table; what it printed is beside its result."""
    if state_of_this_code(arguments.state) != state:
        raise SystemExit("the code has changed since the start; start again")
    folder = state / name
    folder.mkdir(parents=True, exist_ok=True)
    own = ["--rows", name, "--seeds", str(seed), "--out", os.devnull]
    same = ["--shared", arguments.shared, "--state", arguments.state, "--epochs", str(arguments.epochs)]
    with (folder / f"seed-{seed}.log").open("w") as log:
        code = subprocess.run([sys.executable, __file__, *own, *same], stdout=log, stderr=log, check=False).returncode
    print(f"{name}, seed {seed}: {'done' if code == 0 else f'failed with {code}'}", flush=True)


def run(prepared: Prepared, test_pixels: np.ndarray, row: Path, *, seed: int, epochs: int) -> None:
    """Train one network on a row's data, and keep what it says of the test images."""
    counted = graded_count(len(prepared.labels), len(prepared.validation_labels))
    if counted > MOST_IMAGES:
        raise SystemExit(f"{row.name}: the grader counts {counted:,} images, {MOST_IMAGES:,} are allowed")
    start, device = time.process_time(), best_device()
    result = train_classifier(
        prepared.pixels,
        prepared.labels,
        prepared.validation_pixels,
        prepared.validation_labels,
        num_classes=len(CLASS_NAMES),
        network="competition",
        recipe=named_recipe("competition", epochs=epochs, **RECIPE),
        seed=seed,
        scratch=row / f"scratch-{seed}",
        device=device,
        description=f"{row.name}, seed {seed}",
    )
    network = find_network("competition").build(len(CLASS_NAMES))
    network.load_state_dict(result.state)
    content = {
        "epochs": epochs,
        "best_epoch": result.best_epoch,
        "validation_accuracy": round(result.best_score, 4),
        "training_images": len(prepared.labels),
        "validation_images": len(prepared.validation_labels),
        "cpu_seconds_since_last_start": round(time.process_time() - start),
        "predicted": predict(network, test_pixels, batch_size=256).argmax(axis=1).tolist(),
        **machine(),
    }
    with tables.replacing(row / f"seed-{seed}.json") as temporary:
        temporary.write_text(json.dumps(content) + "\n")


def unfinished(row: Path, seed: int, test_pixels: np.ndarray) -> dict | None:
    """What the best epoch so far of an unfinished training says; None if there is none."""
    for checkpoint in sorted((row / f"scratch-{seed}").glob("*.pt"), key=lambda path: -path.stat().st_mtime):
        if saved := load_checkpoint(checkpoint):
            best = saved["callbacks"][-1]
            network = find_network("competition").build(len(CLASS_NAMES))
            network.load_state_dict(best["state"])
            return {
                "epochs": len(saved["curve"]),
                "best_epoch": best["epoch"],
                "validation_accuracy": round(best["score"], 4),
                "predicted": predict(network, test_pixels, batch_size=256).argmax(axis=1).tolist(),
            }
    return None


def write(
    out: Path,
    state: Path,
    names: list[str],
    seeds: list[int],
    epochs: int,
    test: Numerals,
    test_pixels: np.ndarray,
    leaked: np.ndarray,
) -> None:
    """Write the table: a row's mean over its finished seeds, with an interval over images and seeds."""
    rows = json.loads(out.read_text())["rows"] if out.is_file() else {}
    for name in names:
        runs, started = [], []
        for seed in seeds:
            file = state / name / f"seed-{seed}.json"
            if file.exists():
                runs.append(json.loads(file.read_text()) | {"seed": seed})
            elif found := unfinished(state / name, seed, test_pixels):
                started.append(found | {"seed": seed})
        if runs or started:
            rows[name] = {
                "what": ROWS[name].what,
                "paper": ROWS[name].paper,
                "training_images": runs[0]["training_images"] if runs else None,
                **summary(runs, test.labels, leaked),
                "finished": [scores(one, test.labels, leaked) for one in runs],
                "unfinished": [scores(one, test.labels, leaked) for one in started],
            }
    content = {
        **machine(),
        "recipe": f"official: Adam 1e-4, batches of 8, {epochs} epochs, first of the best by validation accuracy",
        "test": f"{len(test.labels):,} images, {int(leaked.sum())} of them released",
        "rows": {name: rows[name] for name in ROWS if name in rows},
    }
    out.write_text(json.dumps(content, indent=2) + "\n")


def scores(one: dict, labels: np.ndarray, leaked: np.ndarray) -> dict:
    """Plain and balanced accuracy of one training, plain also without the leaked images."""
    correct = np.array(one["predicted"]) == labels
    return {
        "seed": one["seed"],
        "epochs": one["epochs"],
        "best_epoch": one["best_epoch"],
        "validation_accuracy": one["validation_accuracy"],
        "accuracy": round(float(correct.mean()), 4),
        "accuracy_unseen": round(float(correct[~leaked].mean()), 4),
        "balanced_accuracy": round(float(np.mean([correct[labels == label].mean() for label in np.unique(labels)])), 4),
        **{key: one[key] for key in ("revision", "cpu_seconds_since_last_start") if key in one},
    }


def summary(runs: list[dict], labels: np.ndarray, leaked: np.ndarray) -> dict:
    """Mean over finished seeds, and an interval of 95 % by resampling images and seeds together."""
    if not runs:
        return {}
    correct = np.array([one["predicted"] for one in runs]) == labels  # (S, N)
    rng = np.random.default_rng(0)
    result = {}
    for name, rows in (("accuracy", np.ones(len(labels), dtype=bool)), ("accuracy_unseen", ~leaked)):
        part = correct[:, rows]
        seed = rng.integers(len(part), size=(RESAMPLES, len(part)))
        image = rng.integers(part.shape[1], size=(RESAMPLES, part.shape[1]))
        means = [part[s][:, i].mean() for s, i in zip(seed, image, strict=True)]
        low, high = np.quantile(means, [0.025, 0.975])
        result[name] = round(float(part.mean()), 4)
        result[f"{name}_interval"] = [round(float(low), 4), round(float(high), 4)]
    return result


if __name__ == "__main__":
    main()
