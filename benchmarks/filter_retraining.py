"""A thesis' table 1, repeated: features of a network that was trained on the set, and that network trained again.

    python benchmarks/filter_retraining.py --shared ../shared

Three disjoint pools of CIFAR-10 with true labels. On each the network `small` learns, the layer before its classifier
describes the pool's images, and each rule chooses by these features. The same network then learns again from what is
kept, as in stage `compare` with `pays.learner: network`: with as many steps, however few images these are, and no epoch
is chosen. The test images are asked at the end alone. Every finished training is written down, and a killed run goes on
behind it. Several processes may run, each with pools of its own. Writes `benchmarks/results/filter-retraining.json`.
Result files of revisions before `steps` stood in them are of the epoch that was best on 1,000 other training images.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

from filter_rules import densest, one_cut, outliers_then_ward
from machine import machine
from result_file import shared_result
from winnow.device import best_device
from winnow.filtering.compare import with_interval
from winnow.filtering.learners.network import BATCH, accuracy, trained
from winnow.filtering.rules import RULES, Candidates, Rule, Thesis, choose, herding_by_class
from winnow.models.predict import to_input
from winnow.models.small_resnet import SmallClassifier

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.9, 0.8, 0.5, 0.1)
CLASSES, POOLS = 10, 3
RANDOM_DRAWS = 2
TRIED: dict[str, Rule | Thesis] = {
    **{name: rule for name, rule in RULES.items() if name != "balanced random"},
    "outliers only": densest,
    "outliers, then ward": outliers_then_ward(0.25),
    "outliers and ward in one cut": one_cut(0.25),
    "outliers and herding by class in one cut": one_cut(0.25, herding_by_class),
}
BESIDE = {"over_random": "random", "over_thesis": "single linkage (thesis)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/cifar10n")
    parser.add_argument("--images", default=8_000, type=int, help="of a pool")
    parser.add_argument("--epochs", default=15, type=int, help="over all of a pool; fewer images have more")
    parser.add_argument("--pools", nargs="+", default=range(POOLS), type=int, choices=range(POOLS), help="which")
    parser.add_argument("--rules", nargs="+", default=list(TRIED), choices=TRIED, help="which")
    parser.add_argument("--shares", nargs="+", default=SHARES, type=float, help="of the images that are kept")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/filter-retraining.json", type=Path)
    arguments = parser.parse_args()
    sizes = {"images": arguments.images, "steps": arguments.epochs * arguments.images // BATCH}
    with shared_result(arguments.out) as before:
        if before and any(before.get(key) != value for key, value in sizes.items()):
            parser.error(f"{arguments.out} is of other pools or steps; move it away, or give another file with --out")
        done = {(run["pool"], run["rule"], run["kept"], run["draw"]) for run in before.get("runs", [])}
    pixels, labels = pictures(arguments.shared, "train")
    test = pictures(arguments.shared, "test")
    order = np.random.default_rng(0).permutation(len(labels))
    for number in arguments.pools:
        pool = np.sort(order[number * arguments.images : (number + 1) * arguments.images])
        options = {"num_classes": CLASSES, "steps": sizes["steps"], "seed": number}
        whole = trained(pixels[pool], labels[pool], **options, description="all")
        images = Candidates(described(whole, pixels[pool]), labels[pool])

        def write_down(rule: str, kept: float, draw: int, network: nn.Module, pool: int = number) -> None:
            run = {
                "pool": pool,
                "rule": rule,
                "kept": kept,
                "draw": draw,
                "accuracy": round(accuracy(network, *test), 5),
            }
            print(run, flush=True)
            with shared_result(arguments.out) as content:
                content.update(result([*content.get("runs", []), run], sizes))

        if (number, "all", 1.0, 0) not in done:
            write_down("all", 1.0, 0, whole)
        for rule in arguments.rules:
            for draw in range(RANDOM_DRAWS if rule == "random" else 1):
                counts = [round(share * len(pool)) for share in arguments.shares]
                kept = choose(TRIED[rule], images, counts, seed=10 * number + draw)
                for share, places in zip(arguments.shares, kept, strict=True):
                    if (number, rule, share, draw) in done:
                        continue
                    own = pool[np.sort(places)]
                    words = f"{rule}, {share:.0%}, pool {number}"
                    write_down(rule, share, draw, trained(pixels[own], labels[own], **options, description=words))


def pictures(shared: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, 32, 32, 3) uint8 and (N,) true labels."""
    frame = pd.read_parquet(shared / f"data/cifar10n/{part}.parquet", columns=["jpeg", "label"])
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in frame["jpeg"]])
    return pixels, frame["label"].to_numpy(dtype=np.int64)


def described(network: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """(N, 64) float32, what enters the classifier."""
    assert isinstance(network, SmallClassifier)
    with torch.inference_mode():
        parts = torch.from_numpy(pixels).to(best_device()).tensor_split(50)
        return torch.cat([network.features(to_input(part)) for part in parts]).cpu().numpy()


def result(runs: list[dict], sizes: dict[str, int]) -> dict:
    """A row per rule and share: accuracy in percent, and its differences from random and from the thesis' rule with a
    95 % interval over pools."""
    by_pool = pd.DataFrame(runs).groupby(["rule", "kept", "pool"])["accuracy"].mean()
    rows = []
    for rule, kept in dict.fromkeys((run["rule"], run["kept"]) for run in runs):
        own = by_pool[rule, kept]
        row = {"rule": rule, "kept": kept, "pools": len(own), "accuracy": round(100 * float(own.mean()), 2)}
        for key, other in BESIDE.items():
            if rule not in ("all", "random", other) and (other, kept) in by_pool.index:
                difference = 100 * (own - by_pool[other, kept]).dropna().to_numpy()
                if len(difference) > 1:
                    row[key] = [round(end, 2) for end in with_interval(difference)]
        rows.append(row)
    return {"benchmark": "filter-retraining", **machine(), **sizes, "rows": rows, "runs": runs}


if __name__ == "__main__":
    main()
