"""Does filtering images with boxes pay? A torchvision detector learns from what a rule keeps of BCCD's blood cells.

    python benchmarks/filter_detector.py --shared ../shared

The detector is that of stage `compare` with `pays.learner: detector`, on the frozen MobileNetV2 of shared/encoders, and
sees images at their own size. The rules see the mean of its map, the detector's layer `backbone`. Each network has the
same number of steps, however many images are kept, and is judged after the last by the images of the splits test and
val, which no rule sees. Writes `benchmarks/results/filter-detector.json` after each network, and goes on where it was.
"""

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from machine import machine
from winnow import tables
from winnow.data.archive import open_archive
from winnow.data.layouts.collection import Item
from winnow.data.layouts.registry import read_dataset
from winnow.extraction.loading import load_model
from winnow.filtering.compare import with_interval
from winnow.filtering.learners.average_precision import Boxes
from winnow.filtering.learners.detector import BACKBONE, Described, described, judged, trained
from winnow.filtering.learners.detector import SHARES as PARTS
from winnow.filtering.rules import RULES, Candidates
from winnow.progress import progress

ROOT = Path(__file__).resolve().parents[1]
SIZE = (480, 640)  # height and width that all images have here
SHARES = (0.5, 0.3)
NAMES = ("random", "uniqueness (FiftyOne)", "ward (winnow)")
SCORES = (*PARTS, "score")
WEIGHTS = {"pad_type": "same", "mean": [0.5] * 3, "std": [0.5] * 3}  # of the file in shared/encoders


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/ and encoders/")
    parser.add_argument("--cache", default=".winnow/bench", type=Path, help="where maps are kept")
    parser.add_argument("--seeds", default=3, type=int, help="2 at least, for an interval")
    parser.add_argument("--steps", default=600, type=int, help="of each network")
    parser.add_argument("--most-asked", type=int, help="judge by so many images, for a trial")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/filter-detector.json", type=Path)
    arguments = parser.parse_args()
    images, split = described_images(arguments.shared, arguments.cache)
    own, asked = np.flatnonzero(split == "train"), np.flatnonzero(split != "train")[: arguments.most_asked]
    chosen_from = Candidates(images.maps[own, 0].astype(np.float32).mean(axis=(2, 3)))
    before = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    sizes = {"steps": arguments.steps, "asked": len(asked)}
    runs = before.get("runs", []) if all(before.get(key) == value for key, value in sizes.items()) else []
    done = {(run["rule"], run["kept"], run["seed"]) for run in runs}
    for seed in range(arguments.seeds):
        for rule, share in [("all", 1.0), *((name, share) for name in NAMES for share in SHARES)]:
            if (rule, share, seed) in done:
                continue
            kept = own
            if rule != "all":
                kept = own[RULES[rule](chosen_from, seed)[: round(share * len(own))]]
            with progress(f"{rule} {share:g} {seed}", arguments.steps) as report:
                network = trained(images, kept, seed=seed, steps=arguments.steps, report=report)
            found = judged(network, images, asked)
            scores = {name: round(100 * value, 2) for name, value in (*found.parts.items(), ("score", found.score))}
            runs.append({"rule": rule, "kept": share, "seed": seed, "images": len(kept), **scores})
            print(runs[-1], flush=True)
            with tables.replacing(arguments.out) as temporary:
                temporary.write_text(json.dumps(result(runs, sizes), indent=2) + "\n")


def result(runs: list[dict], sizes: dict[str, int]) -> dict:
    """A row per rule and share, with the difference from random in points and its 95 % interval over the seeds."""
    rows = []
    for rule, share in dict.fromkeys((run["rule"], run["kept"]) for run in runs):
        own = {run["seed"]: run for run in runs if (run["rule"], run["kept"]) == (rule, share)}
        random = {run["seed"]: run for run in runs if (run["rule"], run["kept"]) == ("random", share)}
        means = {name: round(float(np.mean([run[name] for run in own.values()])), 2) for name in SCORES}
        row = {"rule": rule, "kept": share, "seeds": len(own), **means}
        both = sorted(set(own) & set(random))
        if rule not in ("all", "random") and len(both) > 1:
            difference = np.array([own[seed]["score"] - random[seed]["score"] for seed in both])
            row["over_random"] = [round(end, 2) for end in with_interval(difference)]
        rows.append(row)
    return {"benchmark": "filter-detector", **machine(), **sizes, "rows": rows, "runs": runs}


def described_images(shared: Path, cache: Path) -> tuple[Described, np.ndarray]:
    """All images of BCCD, through the frozen network, and the split of each."""
    arguments = {"pad_type": WEIGHTS["pad_type"]}
    model = load_model(
        BACKBONE, weights=str(shared / "encoders/mobilenetv2_100.imagenet.safetensors"), arguments=arguments
    )
    backbone = replace(model, fingerprint={**model.fingerprint, **WEIGHTS})
    with open_archive(shared / "data/detection/bccd.zip", max_unpacked_bytes=1e9) as archive:
        items = read_dataset(archive).items
        names = sorted({box.class_name for item in items for box in item.boxes})
        ids = [item.file for item in items]

        def pictures(start: int):
            return ((name, Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in ids[start:])

        boxes = [boxes_of(item, names) for item in items]
        found = described(backbone, ids, pictures, boxes, size=SIZE, file=cache / "filter-detector.npy")
    return found, np.array([item.split for item in items])


def boxes_of(item: Item, names: list[str]) -> Boxes:
    corners = np.array([(box.x0, box.y0, box.x1, box.y1) for box in item.boxes]).reshape(-1, 4)
    return Boxes(corners, np.array([names.index(box.class_name) for box in item.boxes], dtype=np.int64))


if __name__ == "__main__":
    main()
