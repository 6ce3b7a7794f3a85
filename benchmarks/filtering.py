"""Filtering: exactness and cost of the trees, and whether what is kept serves as well as random images, or better.

    python benchmarks/filtering.py --shared ../shared [trees outliers cover cifar penalties copies auto bccd million]

- trees, outliers, cover: CPU seconds and peak memory on synthetic features, each in a process of its own; cover is the
  search for copies.
- cifar: three disjoint pools of 3,333 CIFAR-10 images with true labels, a linear probe, 5,000 test images.
- penalties: the same with other penalties of the probe, at 50 and 10 % kept.
- copies: 4,000 images, half of them distinct, half shifted copies of 400 of these.
- auto: what `similar: auto` takes of the frames of three clips, of CIFAR-10, and of the set that is half copies.
- bccd: blood cells with boxes through a torchvision detector's layer, written as Pascal VOC and read again.
- million: 1,000,000 x 128 in blocks, the order of removal and the outliers; an hour. `--size 150000 32` are other
  images and dimensions.

Features are those of the MobileNetV2 in shared/encoders. Writes `benchmarks/results/filtering.json`, part by part.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from filter_rules import densest, outliers_then_ward
from machine import machine, peak_mb
from winnow.data.archive import open_archive
from winnow.data.layouts.registry import read_dataset
from winnow.data.writers.filtered import write_filtered
from winnow.encoders.normalise import l2_normalised
from winnow.extraction.encoders import encoder_features
from winnow.extraction.extract import extract, layer_features
from winnow.extraction.loading import load_model
from winnow.filtering.calibration import Reduced, reduced
from winnow.filtering.compare import Comparison, compare
from winnow.filtering.cover import Points, find_copies
from winnow.filtering.cut import Cut, cut
from winnow.filtering.learners.probe import Probe
from winnow.filtering.light_changes import lightly_changed
from winnow.filtering.merge_tree import merge_tree
from winnow.filtering.outlier_agreement import outlier_agreement
from winnow.filtering.outlier_blocks import block_density_tree
from winnow.filtering.outliers import density_tree, outlier_order
from winnow.filtering.reduction import fit_reduction
from winnow.filtering.redundancy import Redundancy, score_redundancy
from winnow.filtering.rules import RULES, Candidates, Rule, Thesis, herding_by_class, ward
from winnow.filtering.scores import cluster_groups

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.9, 0.8, 0.5, 0.3, 0.1)
L2, SEED = 0.01, 0
COPY_WITHIN = 0.2  # distance of unit vectors, as it is on the sample
PENALTIES = (0.001, 0.01, 0.1, 0.3)
ENCODER = {"model": "mobilenetv2_100", "pad_type": "same", "input_size": 96, "mean": [0.5] * 3, "std": [0.5] * 3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="all but million without it")
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/ and encoders/")
    parser.add_argument("--cache", default=".winnow/bench", type=Path, help="where features are kept")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/filtering.json", type=Path)
    parser.add_argument("--size", nargs=2, type=int, default=(1_000_000, 128), help="of million")
    parser.add_argument("--one", help="internal: kind:count:dimensions, measured in this process")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(*arguments.one.split(":"))))
        return
    results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for part in arguments.parts or [name for name in PARTS if name != "million"]:
        told = {key: machine()[key] for key in ("machine", "revision")}
        work = partial(million, size=arguments.size) if part == "million" else PARTS[part]
        results[part] = work(arguments.shared, arguments.cache) | told
        print(part, json.dumps(results[part], indent=2), flush=True)
        arguments.out.write_text(json.dumps({**machine(), **results}, indent=2) + "\n")


def synthetic(count: int, dimensions: int) -> np.ndarray:
    """Thirty wide clusters of unit vectors whose spread falls along the axes."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(30, dimensions))
    spread = np.linspace(1, 0.2, dimensions)
    points = np.empty((count, dimensions), dtype=np.float32)
    for start in range(0, count, 10_000):
        rows = slice(start, min(start + 10_000, count))
        size = rows.stop - rows.start
        points[rows] = 0.7 * centres[rng.integers(30, size=size)] + rng.normal(size=(size, dimensions)) * spread
    return l2_normalised(points)


def measured(kind: str, count: str, dimensions: str) -> dict:
    points = synthetic(int(count), int(dimensions))
    start, memory = time.process_time(), peak_mb()
    if kind == "outliers":
        outlier_order(density_tree(points))
    elif kind == "copies":
        one = np.zeros(len(points), dtype=np.int64)
        find_copies(points, one, pixels=one, within=COPY_WITHIN)
    elif kind == "blocks":
        groups = np.zeros(len(points), dtype=np.int64)
        score_redundancy(points, method="ward", groups=groups, balance=groups, floor=0.95)
    elif kind == "outliers-in-blocks":
        outlier_order(block_density_tree(points))
    else:
        merge_tree(points, linkage=kind)
    told = {
        "cpu_seconds": round(time.process_time() - start, 1),
        "peak_mb": peak_mb(),
        "peak_mb_before": memory,
    }
    return told | (outlier_agreement(points, min_samples=5).figures() if kind == "outliers-in-blocks" else {})


def in_processes(*jobs: str) -> dict[str, dict[str, float]]:
    found = {}
    for job in jobs:
        command = [sys.executable, __file__, "--one", job]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found[job] = json.loads(output.splitlines()[-1])
        print(job, found[job], flush=True)
    return found


def trees(shared: Path, cache: Path) -> dict:
    return in_processes("ward:50000:128", "average:50000:128", "ward:100000:128")


def outliers(shared: Path, cache: Path) -> dict:
    return in_processes("outliers:50000:64", "outliers:100000:128")


def cover(shared: Path, cache: Path) -> dict:
    return in_processes("copies:50000:128", "copies:50000:1280")


def million(shared: Path, cache: Path, size: tuple[int, int] = (1_000_000, 128)) -> dict:
    images, dimensions = size
    return in_processes(*(f"{kind}:{images}:{dimensions}" for kind in ("blocks", "outliers-in-blocks")))


def features_of(images: list[Image.Image], name: str, shared: Path, cache: Path, *, image_size: int) -> np.ndarray:
    """(N, 1280) float32 of MobileNetV2, kept in the cache by name as float16."""
    file = cache / f"filtering-{name}.npy"
    if not file.exists():
        weights = str(shared / "encoders/mobilenetv2_100.imagenet.safetensors")
        encode, settings = encoder_features("timm", arguments=ENCODER | {"checkpoint": weights}, image_size=image_size)
        ids = [str(number) for number in range(len(images))]
        extract(
            encode,
            ids,
            lambda start: zip(ids[start:], images[start:], strict=True),
            file,
            settings=settings,
            batch_size=64,
        )
    return np.load(file).astype(np.float32)


def cifar(shared: Path) -> tuple[list[Image.Image], np.ndarray, list[Image.Image], np.ndarray]:
    """10,000 training and 5,000 test images with true labels."""
    found: list = []
    for part, count in (("train", 10_000), ("test", 5_000)):
        frame = pd.read_parquet(shared / f"data/cifar10n/{part}.parquet")
        frame = frame.iloc[np.sort(np.random.default_rng(SEED).choice(len(frame), count, replace=False))]
        images = [Image.open(io.BytesIO(content)).convert("RGB") for content in frame["jpeg"]]
        found += [images, frame["label"].to_numpy(dtype=np.int64)]
    return found[0], found[1], found[2], found[3]


Labelled = tuple[np.ndarray, np.ndarray]
"""(N, D) float32 features and (N,) int64 labels of images."""


def cifar_described(shared: Path, cache: Path) -> tuple[Labelled, list[np.ndarray], Labelled]:
    """The training images, three disjoint pools of them, and the test images."""
    images, labels, test_images, test_labels = cifar(shared)
    features = features_of(images, "cifar-train", shared, cache, image_size=32)
    asked = features_of(test_images, "cifar-test", shared, cache, image_size=32)
    order = np.random.default_rng(SEED).permutation(9_999)
    pools = [np.sort(order[start : start + 3_333]) for start in (0, 3_333, 6_666)]
    return (features, labels), pools, (asked, test_labels)


def probed(
    images: Labelled,
    pools: list[np.ndarray],
    test: Labelled,
    *,
    shares: tuple[float, ...] = SHARES,
    l2: float = L2,
    rules: dict[str, Rule | Thesis] | None = None,
) -> Comparison:
    """The comparison of rules that know no copies, by a probe of the test images."""
    learner = Probe(np.vstack([images[0], test[0]]), np.concatenate([images[1], test[1]]), l2)
    chosen_from, asked = Candidates(*images), len(test[1])
    return compare(chosen_from, learner, shares=shares, pools=pools, asked=asked, seed=SEED, rules=rules or RULES)


def cifar_pools(shared: Path, cache: Path) -> dict:
    described = cifar_described(shared, cache)
    result = probed(*described)
    return {**result.figures(), "rules": by_rule(result.table), "outliers_off": outliers_off(*described)}


def penalties(shared: Path, cache: Path) -> dict:
    described = cifar_described(shared, cache)
    found = {}
    for l2 in PENALTIES:
        result = probed(*described, shares=(0.5, 0.1), l2=l2)
        found[f"{l2:g}"] = {"full_accuracy": result.full, "rules": by_rule(result.table)}
    return found


def outliers_first(shared: Path, cache: Path) -> dict:
    """A share of outliers off before Ward's redundancy, beside Ward alone and outliers alone."""
    first = {f"{share:.0%} outliers, then ward": outliers_then_ward(share) for share in (0.1, 0.25, 0.5)}
    rules = {"random": RULES["random"], "outliers only": densest, **first, "ward (winnow)": RULES["ward (winnow)"]}
    result = probed(*cifar_described(shared, cache), rules=rules)
    return {"full_accuracy": result.full, "rules": by_rule(result.table)}


def outliers_off(images: Labelled, pools: list[np.ndarray], test: Labelled) -> dict[str, float]:
    """Accuracy in points, against all, with a share of outliers off; mean over the pools."""
    keep_all = {"all": lambda pool, _: np.arange(len(pool)), "without outliers": partial(densest, dimensions=128)}
    result = probed(images, pools, test, shares=(0.98, 0.95, 0.9), rules=keep_all)
    own = result.table[result.table["rule"] == "without outliers"]
    return {
        f"{1 - kept:.0%}": round(100 * (accuracy - result.full), 2)
        for kept, accuracy in zip(own["kept"], own["accuracy"], strict=True)
    }


def by_rule(table: pd.DataFrame) -> dict:
    """Accuracy in percent and difference from random in points, by rule and share."""
    return {
        rule: {
            f"{row.kept:g}": {
                name: round(100 * getattr(row, name), 2) for name in ("accuracy", "difference", "low", "high")
            }
            for row in part.itertuples()
        }
        for rule, part in table.groupby("rule", sort=False)
    }


def half_copies(images: list[Image.Image], labels: np.ndarray, *, first: int) -> tuple[list, np.ndarray, np.ndarray]:
    """2,000 images and 2,000 copies of 400 of them, moved by up to 3 pixels, with noise; labels and originals."""
    rng = np.random.default_rng(SEED + first)
    own = list(range(first, first + 2_000))
    source = rng.choice(own[:400], 2_000)
    copies = []
    for number in source:
        pixels = np.roll(np.asarray(images[number], dtype=np.float64), rng.integers(-3, 4, size=2), axis=(0, 1))
        copies.append(Image.fromarray((pixels + rng.normal(scale=4, size=pixels.shape)).clip(0, 255).astype(np.uint8)))
    original = np.r_[own, source]
    return [images[number] for number in own] + copies, labels[original], original


def copies(shared: Path, cache: Path) -> dict:
    """Three such sets, each compared with itself whole; the rules with copies first as the pipeline ranks."""
    images, labels, test_images, test_labels = cifar(shared)
    asked = features_of(test_images, "cifar-test", shared, cache, image_size=32)
    features, answers, found = [], [], []
    for first in (0, 2_000, 4_000):
        pictures, own_labels, _ = half_copies(images, labels, first=first)
        features.append(features_of(pictures, f"copies-{first}", shared, cache, image_size=32))
        answers.append(own_labels)
        found.append(described_copies(pictures, f"copies-{first}", shared, cache, image_size=32))

    def copies_first(rule: Rule, images: Candidates, seed: int) -> np.ndarray:
        pool = found[(seed - SEED) // 1_000]  # as `compare` seeds the rules of each pool
        return rule(replace(images, copies=pool.copies, within=pool.copy_distance), seed)

    rules = {
        **RULES,
        "copies first, then ward": partial(copies_first, ward),
        "copies first, then herding by class": partial(copies_first, herding_by_class),
    }
    pools = [np.arange(start, start + 4_000) for start in (0, 4_000, 8_000)]
    result = probed((np.vstack(features), np.concatenate(answers)), pools, (asked, test_labels), rules=rules)
    return {"full_accuracy": result.full, "standard_error": result.standard_error, "rules": by_rule(result.table)}


def described_copies(pictures: list[Image.Image], name: str, shared: Path, cache: Path, *, image_size: int) -> Reduced:
    """The images' features reduced, and how far a copy may be."""
    features = features_of(pictures, name, shared, cache, image_size=image_size)
    some = np.sort(np.random.default_rng(SEED).choice(len(pictures), min(500, len(pictures)), replace=False))
    rng = np.random.default_rng(SEED)
    changed = features_of(
        [lightly_changed(pictures[place], rng) for place in some],
        f"{name}-lightly-changed",
        shared,
        cache,
        image_size=image_size,
    )
    ids = np.array([f"{number:06}" for number in range(len(pictures))])
    return reduced(
        ids, features, np.ones(len(ids), dtype=bool), {"image_id": ids[some], "features": changed}, dimensions=128
    )


def taken_by_auto(pictures: list[Image.Image], name: str, shared: Path, cache: Path, image_size: int) -> np.ndarray:
    """(N,) int64: the kept image that each image goes for, itself where it stays."""
    found = described_copies(pictures, name, shared, cache, image_size=image_size)
    groups = cluster_groups(found.points, clusters=10, seed=SEED)
    scores = score_redundancy(found.points, method="ward", groups=groups, balance=groups, floor=0.95)
    pixels = np.array([picture.width * picture.height for picture in pictures])
    chosen = cut_only(found.points, scores, groups, copies=found.copies, within=found.copy_distance, pixels=pixels)
    return np.where(chosen.kept, np.arange(len(pictures)), chosen.keeper)


def cut_only(
    points: np.ndarray,
    scores: Redundancy,
    groups: np.ndarray,
    *,
    copies: Points | None = None,
    pixels: np.ndarray | None = None,
    within: float = 0.0,
    keep: float | None = None,
) -> Cut:
    """Without outliers: down to a share, or what has a kept image within a distance."""
    return cut(
        points,
        copies=points if copies is None else copies,
        outlier_order=np.arange(len(points)),
        removal_rank=scores.removal_rank,
        keeper=scores.keeper,
        copy_groups=np.zeros(len(points), dtype=np.int64),
        pixels=np.zeros(len(points), dtype=np.int64) if pixels is None else pixels,
        groups=groups,
        outliers=0.0,
        similar=None,
        within=within,
        keep=keep,
        most_of_a_group=0.3,
    )


def auto(shared: Path, cache: Path) -> dict:
    with zipfile.ZipFile(shared / "data/video/frames.zip") as packed:
        names = sorted(name for name in packed.namelist() if name.endswith(".jpg"))
        frames = [Image.open(io.BytesIO(packed.read(name))).convert("RGB") for name in names]
    keeper = taken_by_auto(frames, "video", shared, cache, 224)
    clip = np.array([Path(name).name.rpartition("-")[0] for name in names])
    gone = keeper != np.arange(len(keeper))
    found: dict = {
        "video": {
            "gone": round(float(gone.mean()), 4),
            "for_another_clip": int((clip[keeper] != clip).sum()),
            "kept_by_clip": dict(zip(*np.unique(clip[~gone], return_counts=True), strict=True)),
        }
    }
    found["video"]["kept_by_clip"] = {str(key): int(count) for key, count in found["video"]["kept_by_clip"].items()}
    images, labels, _, _ = cifar(shared)
    keeper = taken_by_auto(images[:4_000], "cifar-4000", shared, cache, 32)
    found["cifar10"] = {"gone": round(float((keeper != np.arange(4_000)).mean()), 4)}
    pictures, _, original = half_copies(images, labels, first=0)
    keeper = taken_by_auto(pictures, "copies-0", shared, cache, 32)
    gone = keeper != np.arange(4_000)
    found["half_copies"] = {
        "gone": round(float(gone.mean()), 4),
        "of_these_copies": round(float((original[keeper] == original)[gone].mean()), 4),
    }
    return found


def bccd(shared: Path, cache: Path) -> dict:
    """Half of the training images by a detector's backbone, written as Pascal VOC, read again."""
    source = shared / "data/detection/bccd.zip"
    with open_archive(source, max_unpacked_bytes=1e9) as archive, tempfile.TemporaryDirectory() as folder:
        dataset = read_dataset(archive)
        own = [item for item in dataset.items if item.split == "train"]
        model = load_model("torchvision:ssdlite320_mobilenet_v3_large", weights="untrained")
        encode = layer_features(model, layer="backbone", pool="mean")
        ids = [item.file for item in own]
        file = cache / "filtering-bccd.npy"
        if not file.exists():

            def pictures(start: int):
                return ((name, Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in ids[start:])

            extract(encode, ids, pictures, file, settings=dict(model.fingerprint), batch_size=8)
        features = np.load(file)
        points = fit_reduction(features, dimensions=64)(features)
        groups = cluster_groups(points, clusters=5, seed=SEED)
        scores = score_redundancy(points, method="ward", groups=groups, balance=groups, floor=0.95)
        chosen = cut_only(points, scores, groups, keep=0.5)
        gone = {name for name, stays in zip(ids, chosen.kept, strict=True) if not stays}
        write_filtered(archive, dataset, gone, Path(folder) / "out")
        with open_archive(Path(folder) / "out", max_unpacked_bytes=1e9) as written:
            again = read_dataset(written)
            same = all(
                written.read(name) == archive.read(name) for name in written.names() if not name.endswith(".txt")
            )
    return {
        "weights": "untrained: none were at hand",
        "images": len(dataset.items),
        "boxes": sum(len(item.boxes) for item in dataset.items),
        "boxes_without_area": sum(problem.kind == "empty-box" for problem in dataset.problems),
        "written": len(again.items),
        "items_that_stay_are_equal": again.items == [item for item in dataset.items if item.file not in gone],
        "bytes_that_stay_are_equal": same,
        "test_images_touched": sum(item.split == "test" for item in dataset.items if item.file in gone),
    }


PARTS = {
    "trees": trees,
    "outliers": outliers,
    "cover": cover,
    "cifar": cifar_pools,
    "penalties": penalties,
    "outliers-first": outliers_first,
    "copies": copies,
    "auto": auto,
    "bccd": bccd,
    "million": million,
}

if __name__ == "__main__":
    main()
