"""What pipelines/shift finds where the answer is known, and what it costs to read a table of the size of ImageNet's.

    python benchmarks/shift.py planted
    python benchmarks/shift.py wrong_labels
    python benchmarks/shift.py judged --seeds 6
    python benchmarks/shift.py table
    python benchmarks/shift.py table --rows 1281167
    python benchmarks/shift.py kannada --shared ../shared
    python benchmarks/shift.py line --shared ../shared
    python benchmarks/shift.py sample

`planted` draws the six cases of `winnow.shift.planted`, `wrong_labels` one of them with more and fewer classes, wrong
labels and errors of the classifier; `judged` lets somebody who knows the truth judge the most suspected of its labels
first; `table` writes a CSV of 1,024 features, reads it, and again by pandas in chunks;
`kannada` compares Kannada-MNIST's test set with Dig-MNIST, by a probe on pixels and a small convolutional network;
`line` fits the line through 30 published models on CIFAR-10 and CIFAR-10.1. Each writes
`benchmarks/results/shift-<name>.json`, `table` of another size `shift-table-<rows>.json`; `kannada` also
docs/figures/shift-kannada.png. `sample` draws docs/figures/shift-sample.png from what pipelines/shift has measured.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

from machine import machine, peak_mb
from winnow.evaluation.why import OPTIONS
from winnow.report.shift_figures import waterfall as waterfall_figure
from winnow.report.style import to_png
from winnow.shift.checked import checked_rows, row_id
from winnow.shift.classifier import Settings, train_classifier
from winnow.shift.explain import Explanation, explain
from winnow.shift.feature_table import read_features
from winnow.shift.leaks import leaked_rows, nearness
from winnow.shift.line import accuracy_line
from winnow.shift.planted import BLURRED, CASES, plant
from winnow.shift.test_set import TestSet
from winnow.shift.waterfall import waterfall

ROOT = Path(__file__).resolve().parents[1]
PART_OF = {"one_class": "withheld", "all_classes": "withheld"}  # others are named like their part
CHANGES = {"wrong_share": (0.02, 0.2), "spread": (0.45, 0.9), "classes": (3, 30)}  # of the case `wrong_labels`
JUDGED = (0, 0.02, 0.05, 0.1, 1)  # shares of the rows
FEATURES = 1024
BOOTSTRAPS = 100  # of each planted draw
NONE = {"models_a": "data/none", "models_b": "data/none", "label_column": "label"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "name", choices=("planted", "wrong_labels", "judged", "table", "kannada", "line", "sample", "one")
    )
    parser.add_argument("--shared", default=ROOT.parent / "shared", type=Path, help="folder with data/")
    parser.add_argument("--rows", default=None, type=int, help="of the table, or of each planted set")
    parser.add_argument("--seeds", default=20, type=int, help="of each planted cause")
    parser.add_argument("--nothing", default=100, type=int, help="seeds of the case in which nothing is planted")
    parser.add_argument("--cache", default=".winnow/bench", type=Path, help="where planted draws are kept")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.name == "one":
        print(json.dumps(_read_once(arguments.one[0], Path(arguments.one[1]))))
        return
    if arguments.name == "sample":
        metrics = ROOT / "pipelines/shift/metrics"
        summary = json.loads((metrics / "summary.json").read_text(encoding="utf-8"))
        drawn = waterfall_figure(summary, pd.read_csv(metrics / "waterfall.csv"), to_png)
        (ROOT / "docs/figures/shift-sample.png").write_bytes(drawn)
        return
    match arguments.name:
        case "planted":
            found = planted(arguments.rows or 2000, arguments.seeds, arguments.nothing, arguments.cache)
        case "wrong_labels":
            found = wrong_labels(arguments.rows or 2000, arguments.seeds, arguments.cache)
        case "judged":
            found = judged(arguments.rows or 2000, arguments.seeds)
        case "table":
            found = table(arguments.rows or 100_000)
        case "kannada":
            found = kannada(arguments.shared)
        case _:
            found = line(arguments.shared)
    name = arguments.name.replace("_", "-")
    if arguments.name == "table" and arguments.rows:
        name = f"table-{arguments.rows}"
    path = ROOT / f"benchmarks/results/shift-{name}.json"
    path.write_text(json.dumps({**machine(), **found}, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(ROOT)}")


def planted(rows: int, seeds: int, nothing: int, cache: Path) -> dict[str, Any]:
    """How often which part is named, what share of the planted cause it gets, and whether its interval covers it."""
    found: dict[str, Any] = {"rows": rows}
    for case in CASES:
        part = PART_OF.get(case, case)
        runs = [_once(case, rows, seed, cache) for seed in range(nothing if case == "nothing" else seeds)]
        found[case] = {"seeds": len(runs)}
        if case == "nothing":
            found[case]["parts_named"] = sum(bool(run["parts"]) for run in runs)
            found[case]["parts_or_classes_named"] = sum(bool(run["parts"] or run["classes"]) for run in runs)
            continue
        truths, values = (np.array([run[name] for run in runs]) for name in ("true", "value"))
        found[case] |= {
            "part": part,
            "named": sum(part in run["parts"] for run in runs),
            "others_named": sum(any(name != part for name in run["parts"]) for run in runs),
            "mean_true_part": float(truths.mean()),
            "mean_part": float(values.mean()),
            "share_of_true_part": float(values.sum() / truths.sum()),
            "interval_covers": sum(run["covers"] for run in runs),
        }
        if case == "one_class":
            found[case]["class_named_first"] = sum(run["classes"][:1] == [BLURRED] for run in runs)
    return found


def wrong_labels(rows: int, seeds: int, cache: Path) -> dict[str, Any]:
    """What share of the part of wrong labels is found, and how often the interval covers it, as the task changes."""
    found = []
    for change in ({}, *({name: value} for name, values in CHANGES.items() for value in values)):
        runs = [_once("wrong_labels", rows, seed, cache, **change) for seed in range(seeds)]
        truths, values = (np.array([run[name] for run in runs]) for name in ("true", "value"))
        found.append(
            {
                "change": change,
                "seeds": len(runs),
                "mean_accuracy_a": float(np.mean([run["accuracy_a"] for run in runs])),
                "mean_true_part": float(truths.mean()),
                "share_of_true_part": float(values.sum() / truths.sum()),
                "share_error": float((values - truths).std(ddof=1) / np.sqrt(len(runs)) / truths.mean()),
                "interval_covers": sum(run["covers"] for run in runs),
            }
        )
    return {"rows": rows, "tasks": found}


def judged(rows: int, seeds: int) -> dict[str, Any]:
    """How many wrong labels are expected among those that nobody judged, and how wide the part's interval is."""
    names, found = [str(place) for place in range(rows)], []
    for seed in range(seeds):
        clean, wrong = (plant(case, rows=rows, train_rows=2000, seed=seed) for case in ("nothing", "wrong_labels"))
        truth, given = clean.b.labels, wrong.b.labels
        order = None
        for share in JUDGED:
            places = [] if order is None else order[: round(share * rows)]
            verdicts = pd.DataFrame({"image_id": [row_id("b", names[place]) for place in places], "reviewer": "truth"})
            verdicts = verdicts.assign(action="relabel", label=truth[places].astype(int) if len(places) else -1)
            checked = checked_rows(verdicts, "b", names, given)
            b = TestSet.of_seeds(given, wrong.b.pred_probs[None], wrong.b.features, checked)
            parts = waterfall(wrong.a, b, bootstraps=BOOTSTRAPS, seed=seed)
            order = np.argsort(-parts.label_errors_b, kind="stable") if order is None else order
            part = parts.parts["wrong_labels"]
            found.append(
                {
                    "seed": seed,
                    "judged": len(places),
                    "left": int((truth != given)[~b.seen].sum()),
                    "expected": float(parts.label_errors_b[~b.seen].sum()),
                    "part": part.value,
                    "width": part.high - part.low,
                }
            )
    means = pd.DataFrame(found).groupby("judged").mean().drop(columns="seed")
    return {"rows": rows, "seeds": seeds, "means": means.reset_index().to_dict("records"), "draws": found}


def _once(case: str, rows: int, seed: int, cache: Path, **change: Any) -> dict[str, Any]:
    """One draw; kept in `cache`, so that a run after a kill goes on."""
    path = cache / "-".join(
        ["shift", case, *(f"{name}_{value}" for name, value in change.items()), f"{rows}-{seed}.json"]
    )
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    both = plant(case, rows=rows, train_rows=2000, seed=seed, **change)
    leaked = leaked_rows(nearness(both.train, both.a.features, both.b.features), ratio=0.3)
    parts = waterfall(both.a, both.b, leaked_a=leaked[0], leaked_b=leaked[1], bootstraps=BOOTSTRAPS, seed=seed)
    found: dict[str, Any] = {
        "parts": parts.named(),
        "classes": parts.named_classes(),
        "accuracy_a": both.a.accuracy,
    }
    if case != "nothing":
        part = parts.parts[PART_OF.get(case, case)]
        found |= {"true": both.true_part, "value": part.value, "covers": part.low <= both.true_part <= part.high}
    cache.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found), encoding="utf-8")
    return found


def table(rows: int) -> dict[str, Any]:
    """Read a CSV of so many rows in a process of its own, by winnow and by pandas in chunks."""
    with tempfile.TemporaryDirectory(prefix="winnow-") as folder:
        path = Path(folder) / "features.csv"
        _write_csv(path, rows)
        found: dict[str, Any] = {"rows": rows, "features": FEATURES, "csv_gb": round(path.stat().st_size / 2**30, 2)}
        for reader in ("winnow", "pandas"):
            command = [sys.executable, __file__, "one", "--one", reader, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[reader] = json.loads(done.stdout.splitlines()[-1])
            found[reader]["rows_per_cpu_second"] = round(rows / found[reader]["cpu_seconds"])
    return found


def _write_csv(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    names = [f"f{place}" for place in range(FEATURES)]
    writer = None
    for start in range(0, rows, 4096):
        count = min(4096, rows - start)
        block = rng.normal(size=(count, FEATURES)).astype(np.float32).round(5)
        arrays = {
            "": pa.array(np.arange(start, start + count)),
            "path": pa.array([f"n{label:08d}/{row}.JPEG" for row, label in enumerate(range(start, start + count))]),
            "label": pa.array(rng.integers(0, 1000, count)),
            **{name: pa.array(column) for name, column in zip(names, block.T, strict=True)},
        }
        batch = pa.table(arrays)
        writer = writer or pa.csv.CSVWriter(path, batch.schema)
        writer.write_table(batch)
    if writer:
        writer.close()


def _read_once(reader: str, path: Path) -> dict[str, float]:
    started, imported = time.process_time(), peak_mb()
    if reader == "winnow":
        read = read_features(path, path.with_suffix(".npy"), label_column="label", leave_out=["path"])
        assert read.features.shape[1] == FEATURES
    else:
        kept = []
        for chunk in pd.read_csv(path, chunksize=2000):
            kept.append(chunk.drop(columns=["Unnamed: 0", "path", "label"]).to_numpy(dtype=np.float16))
        assert kept[0].shape[1] == FEATURES
    return {
        "cpu_seconds": round(time.process_time() - started, 1),
        "libraries_mb": imported,
        "peak_mb": peak_mb(),
    }


def kannada(shared: Path) -> dict[str, Any]:
    """Kannada-MNIST's test set, 6,000 to learn from and 4,000 as A, against Dig-MNIST as B."""
    images, labels = _digits(shared / "data/kannada/main-test.zip")
    images_b, labels_b = _digits(shared / "data/kannada/dig-test.zip")
    order = np.random.default_rng(0).permutation(len(labels))
    train, held = order[:6000], order[6000:]
    pixels = {"train": images[train], "a": images[held], "b": images_b}
    of = {"train": labels[train], "a": labels[held], "b": labels_b}
    flat = {name: rows.reshape(len(rows), -1).astype(np.float32) / 255 for name, rows in pixels.items()}
    found: dict[str, Any] = {"rows": {name: len(rows) for name, rows in of.items()}}
    probs, deep = _convolutional(pixels, of["train"])
    explained = _explained(of, probs, deep)
    found["network"] = _told(explained)
    probe = _probe(flat, of["train"])
    found["probe_on_pixels"] = _told(_explained(of, probe, flat))
    figure = waterfall_figure(explained.summary, explained.parts, to_png)
    (ROOT / "docs/figures/shift-kannada.png").write_bytes(figure)
    return found


def _told(found: Explanation) -> dict[str, Any]:
    keys = (
        "accuracy",
        "drop",
        "parts",
        "named",
        "withheld",
        "leaked",
        "label_errors",
        "two_samples",
        "features",
        "forecasts",
    )
    return {key: found.summary[key] for key in (*keys, "verdict")}


def _explained(labels: dict, probs: dict, features: dict) -> Explanation:
    nothing = pd.DataFrame({"row": [], "label": []})
    return explain(
        {name: labels[name] for name in ("a", "b")},
        {name: probs[name][None] for name in ("a", "b")},
        features,
        train_labels=labels["train"],
        rows=dict.fromkeys(labels, nothing),
        class_names=[str(digit) for digit in range(10)],
        training={},
        sets=NONE,
        options=OPTIONS,
    )


def _digits(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(N, 28, 28) uint8 and labels of `<set>/<digit>/<row>.png`."""
    images, labels = [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".png"):
                images.append(np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("L")))
                labels.append(int(name.split("/")[-2]))
    return np.stack(images), np.array(labels)


def _convolutional(pixels: dict, labels: np.ndarray) -> tuple[dict, dict]:
    """Two convolutions and a hidden layer, trained with shifted pictures; probabilities and hidden features."""
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 49, 128),
        nn.ReLU(),
    )
    head = nn.Linear(128, 10)
    network = nn.Sequential(body, nn.Dropout(0.3), head)
    images = torch.from_numpy(pixels["train"]).float()[:, None] / 255
    target = torch.from_numpy(labels)
    epochs, size = 12, 100
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * (len(images) // size))
    for _ in range(epochs):
        network.train()
        for batch in torch.randperm(len(images))[: len(images) // size * size].split(size):
            down, right = torch.randint(-2, 3, (2,)).tolist()
            loss = cross_entropy(network(images[batch].roll((down, right), (2, 3))), target[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    probs, deep = {}, {}
    with torch.inference_mode():
        for name, rows in pixels.items():
            hidden = torch.cat([body(part.float()[:, None] / 255) for part in torch.from_numpy(rows).split(1000)])
            deep[name], probs[name] = hidden.numpy(), head(hidden).softmax(dim=1).numpy()
    return probs, deep


def _probe(flat: dict, labels: np.ndarray) -> dict:
    settings = Settings(
        hidden=[],
        dropout=0.0,
        learning_rate=0.003,
        weight_decay=0.1,
        epochs=40,
        batch_size=128,
        validation_share=0.2,
        patience=5,
    )
    fitted = train_classifier(flat["train"], labels, num_classes=10, settings=settings, seed=0)
    return {name: fitted.predict(rows) for name, rows in flat.items()}


def line(shared: Path) -> dict[str, Any]:
    """30 published models on CIFAR-10's test set and on CIFAR-10.1 v4 and v6."""
    old = np.load(shared / "data/cifar10n/cifar10_test_set_original_labels.npy")
    found: dict[str, Any] = {}
    with zipfile.ZipFile(shared / "data/cifar10.1/predictions.zip") as archive:
        root = "cifar10.1-predictions"
        accuracies = {"original": _model_accuracies(archive, f"{root}/model_predictions/original_predictions/", old)}
        for version in ("v4", "v6"):
            labels = np.load(io.BytesIO(archive.read(f"{root}/datasets/cifar10.1_{version}_labels.npy")))
            accuracies[version] = _model_accuracies(archive, f"{root}/model_predictions/{version}_predictions/", labels)
    for version in ("v4", "v6"):
        fitted = accuracy_line(accuracies["original"], accuracies[version])
        assert fitted is not None
        drops = (accuracies["original"] - accuracies[version]).dropna()
        off = max(fitted.residuals, key=lambda name: abs(fitted.residuals[name]))
        found[version] = {
            "models": len(fitted.residuals),
            "slope": fitted.slope,
            "slope_error": fitted.slope_error,
            "r2": fitted.r2,
            "spread": fitted.spread,
            "smallest_drop": float(drops.min()),
            "largest_drop": float(drops.max()),
            "farthest_from_the_line": {off: fitted.residuals[off]},
        }
    return found


def _model_accuracies(archive: zipfile.ZipFile, folder: str, labels: np.ndarray) -> pd.Series:
    names = [name for name in archive.namelist() if name.startswith(folder) and name.endswith(".json")]
    answers = {Path(name).stem.removesuffix("_predictions"): json.loads(archive.read(name)) for name in names}
    return pd.Series({name: float((np.array(given) == labels).mean()) for name, given in answers.items()})


if __name__ == "__main__":
    main()
