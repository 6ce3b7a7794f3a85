"""Time and memory of all scoring stages at growing sizes, with given features, and of cleanlab's Datalab beside them.

    python benchmarks/scoring_cost.py --shared ../shared

The images are DS801's; beyond its 30,778 they are mirrored and turned, and their features jittered, so that no two are
copies. Every size runs in a process of its own. Writes `benchmarks/results/scoring-cost.json`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from detection_data import Dataset, datasets
from detection_methods import L2, datalab, shared_probabilities, winnow_labels, winnow_ood
from machine import machine
from winnow.data.decode import decode_pixels
from winnow.data.manifest import load_dataset
from winnow.detect.duplicates.search import find_duplicates

ROOT = Path(__file__).resolve().parents[1]
SIZES = (8_000, 16_000, 31_848, 64_000)
COMPARED = 31_848  # the course's own size, at which Datalab runs too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/ and encoders/")
    parser.add_argument("--cache", default=".winnow/bench", type=Path, help="where features are kept")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/scoring-cost.json", type=Path)
    parser.add_argument("--one", help="internal: method:size, measured in this process")
    arguments = parser.parse_args()
    if arguments.one:
        method, size = arguments.one.split(":")
        print(json.dumps(measured(method, int(size), arguments.shared, arguments.cache)))
        return
    results: dict = {**machine(), "l2_candidates": len(L2), "winnow": {}, "datalab": {}}
    for method, size in [*(("winnow", size) for size in SIZES), ("datalab", COMPARED)]:
        command = [sys.executable, __file__, "--one", f"{method}:{size}"]
        command += ["--shared", str(arguments.shared), "--cache", str(arguments.cache)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ}).stdout
        results[method][str(size)] = json.loads(output.splitlines()[-1])
        print(method, size, results[method][str(size)], flush=True)
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def measured(method: str, size: int, shared: Path, cache: Path) -> dict[str, float]:
    """Seconds of each part and the process's peak memory, which holds features and pixels too."""
    data, pixels = enlarged(size, shared, cache)
    seconds: dict[str, float] = {}

    def clocked(name, work):
        start = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - start, 2)
        return result

    if method == "datalab":
        probabilities = clocked("crossval_pred_probs", lambda: shared_probabilities(data))
        clocked("find_issues", lambda: datalab(data, probabilities.probe.pred_probs))
    else:
        clocked(
            "find_duplicates",
            lambda: find_duplicates(
                data.image_id, data.labels, pixels, data.features, max_hash_distance=14, min_similarity=0.8
            ),
        )
        del pixels
        probabilities = clocked("crossval_pred_probs", lambda: shared_probabilities(data))
        scores = clocked("find_label_issues", lambda: winnow_labels(data, probabilities))
        clocked("score_ood", lambda: winnow_ood(data, probabilities, scores))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": round(sum(seconds.values()), 2), **seconds, "peak_gb": round(peak / 1e9, 2)}


def enlarged(size: int, shared: Path, cache: Path) -> tuple[Dataset, np.ndarray]:
    """DS801 brought to `size` images, and their pixels."""
    data = next(datasets(["ds801"], shared, cache))
    archive = load_dataset(
        shared / "data/ds801/train.zip",
        class_names=data.class_names,
        split=None,
        image_size=64,
        max_unpacked_bytes=4e9,
    )
    pixels = decode_pixels(archive.images["image_bytes"].to_list(), image_size=64)
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.permutation(len(pixels)) for _ in range(-(-size // len(pixels)))])[:size]
    turn = np.arange(size) // len(pixels)
    features = data.features[rows]
    again = turn > 0
    features[again] += rng.normal(scale=0.02, size=features[again].shape).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    turned = pixels[rows]
    turned[turn == 1] = turned[turn == 1][:, :, ::-1]
    turned[turn == 2] = turned[turn == 2][:, ::-1]
    bigger = Dataset(
        name=data.name,
        image_id=np.array([f"img_{row}" for row in range(size)]),
        labels=data.labels[rows],
        features=features,
        groups=np.arange(size),
        class_names=data.class_names,
    )
    return bigger, turned


if __name__ == "__main__":
    main()
