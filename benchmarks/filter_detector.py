"""Does filtering images with boxes pay? A torchvision detector learns from what a rule keeps of BCCD's blood cells.

    python benchmarks/filter_detector.py --shared ../shared

The detector is torchvision's Faster R-CNN on the frozen MobileNetV2 of shared/encoders, a map of one stride, so that
what it learns are the proposals, the boxes and the classes. The rules see the mean of the same map, the detector's
layer `backbone`. Each network has the same number of steps, however many images are kept, and is judged after the last
by the images of the splits test and val, which no rule sees, with COCO's average precision (pycocotools) at an overlap
of 0.5 and from 0.5 to 0.95, and the thesis' score of 0.1 and 0.9 of them. Writes
`benchmarks/results/filter-detector.json` after each network, and goes on where it was.
"""

import argparse
import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign
from torchvision.transforms.functional import pil_to_tensor

from machine import machine
from winnow import tables
from winnow.data.archive import open_archive
from winnow.data.layouts.collection import Item
from winnow.data.layouts.registry import read_dataset
from winnow.device import seeded
from winnow.filtering.compare import with_interval
from winnow.filtering.rules import RULES
from winnow.progress import progress

ROOT = Path(__file__).resolve().parents[1]
SIZE = (480, 640)  # height and width that all images have here
CHANNELS = 96
SHARES = (0.5, 0.3)
NAMES = ("random", "uniqueness (FiftyOne)", "ward (winnow)")
BATCH, PEAK = 4, 0.02
SCORES = ("map50", "map50_95", "score")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Described:
    """Images as the detector takes them.

    Attributes:
        maps: (N, 2, 96, 30, 40) float16, of each image and its mirror image.
        boxes: N times (M, 4) float32: left, top, right, bottom in pixels.
        classes: N times (M,) int64, from 1; 0 is the background.
        split: (N,) str.
    """

    maps: np.ndarray
    boxes: list[np.ndarray]
    classes: list[np.ndarray]
    split: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/ and encoders/")
    parser.add_argument("--seeds", default=3, type=int, help="2 at least, for an interval")
    parser.add_argument("--steps", default=600, type=int, help="of each network")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/filter-detector.json", type=Path)
    arguments = parser.parse_args()
    described = described_images(arguments.shared)
    own = np.flatnonzero(described.split == "train")
    asked = np.flatnonzero(described.split != "train")
    features = described.maps[own, 0].astype(np.float32).mean(axis=(2, 3))
    no_labels = np.zeros(len(own), dtype=np.int64)
    before = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    runs = before.get("runs", []) if before.get("steps") == arguments.steps else []
    done = {(run["rule"], run["kept"], run["seed"]) for run in runs}
    for seed in range(arguments.seeds):
        for rule, share in [("all", 1.0), *((name, share) for name in NAMES for share in SHARES)]:
            if (rule, share, seed) in done:
                continue
            kept = own
            if rule != "all":
                kept = own[RULES[rule](features, no_labels, seed)[: round(share * len(own))]]
            network = trained(described, kept, seed=seed, steps=arguments.steps, description=f"{rule} {share:g} {seed}")
            scores = judged(network, described, asked)
            runs.append({"rule": rule, "kept": share, "seed": seed, "images": len(kept), **scores})
            print(runs[-1], flush=True)
            with tables.replacing(arguments.out) as temporary:
                temporary.write_text(json.dumps(result(runs, arguments.steps, len(asked)), indent=2) + "\n")


def result(runs: list[dict], steps: int, asked: int) -> dict:
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
    return {"benchmark": "filter-detector", **machine(), "steps": steps, "asked": asked, "rows": rows, "runs": runs}


def described_images(shared: Path) -> Described:
    """All images of BCCD, through the frozen network."""
    body = timm.create_model("mobilenetv2_100", pretrained=False, pad_type="same", features_only=True, out_indices=(3,))
    weights = load_file(shared / "encoders/mobilenetv2_100.imagenet.safetensors")
    missing = body.load_state_dict(weights, strict=False).missing_keys
    assert not missing, missing
    body.eval()
    with open_archive(shared / "data/detection/bccd.zip", max_unpacked_bytes=1e9) as archive:
        items = read_dataset(archive).items
        names = sorted({box.class_name for item in items for box in item.boxes})
        maps = np.empty((len(items), 2, CHANNELS, SIZE[0] // 16, SIZE[1] // 16), dtype=np.float16)
        with progress("maps", len(items)) as report, torch.inference_mode():
            for place, item in enumerate(items):
                picture = Image.open(io.BytesIO(archive.read(item.file))).convert("RGB")
                assert picture.size == SIZE[::-1], f"{item.file} is {picture.size}"
                pixels = pil_to_tensor(picture) / 127.5 - 1  # mean and std are 0.5
                maps[place] = body(torch.stack([pixels, pixels.flip(-1)]))[0].numpy()
                report(1)
    return Described(
        maps,
        [corners(item) for item in items],
        [np.array([1 + names.index(box.class_name) for box in item.boxes], dtype=np.int64) for item in items],
        np.array([item.split for item in items]),
    )


def corners(item: Item) -> np.ndarray:
    shares = np.array([(box.x0, box.y0, box.x1, box.y1) for box in item.boxes], dtype=np.float32).reshape(-1, 4)
    return shares * np.array(SIZE[::-1] * 2, dtype=np.float32)


def detector(classes: int) -> FasterRCNN:
    """Faster R-CNN without its body, whose maps are at hand."""
    body = nn.Identity()
    body.out_channels = CHANNELS  # type: ignore[assignment]
    return FasterRCNN(
        body,
        rpn_anchor_generator=AnchorGenerator(((32, 64, 128, 256),), ((0.5, 1.0, 2.0),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(CHANNELS * 49, 256),
        box_predictor=FastRCNNPredictor(256, classes + 1),
        rpn_pre_nms_top_n_train=1000,
        rpn_post_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=500,
        rpn_post_nms_top_n_test=300,
        box_batch_size_per_image=256,
    )


def heads(network: FasterRCNN, maps: np.ndarray, targets: list[dict[str, Tensor]] | None) -> tuple[list, Tensor]:
    """Detections (in evaluation) and the sum of the losses (in training) of (B, 96, 30, 40) maps."""
    features = {"0": torch.from_numpy(maps.astype(np.float32))}
    pictures = ImageList(torch.empty(len(maps), 3, *SIZE), [SIZE] * len(maps))
    proposals, first = network.rpn(pictures, features, targets)
    detections, second = network.roi_heads(features, proposals, pictures.image_sizes, targets)
    return detections, torch.stack([*first.values(), *second.values()]).sum() if targets else torch.zeros(())


def trained(described: Described, kept: np.ndarray, *, seed: int, steps: int, description: str) -> FasterRCNN:
    """A detector of the images at `kept`, half of them mirrored, by one cycle of the learning rate."""
    rng = np.random.default_rng(seed)
    with seeded(seed, CPU), progress(description, steps) as report:
        network = detector(max(classes.max() for classes in described.classes if len(classes))).train()
        optimizer = torch.optim.SGD(network.parameters(), lr=PEAK, momentum=0.9, weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, total_steps=steps)
        for batch in batches(kept, steps, rng):
            mirrored = rng.integers(2, size=len(batch))
            targets = [target(described, place, bool(side)) for place, side in zip(batch, mirrored, strict=True)]
            _, loss = heads(network, described.maps[batch, mirrored], targets)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            report(1, f"loss {loss.item():.3f}")
    return network.eval()


def batches(kept: np.ndarray, steps: int, rng: np.random.Generator) -> list[np.ndarray]:
    """`steps` of them, passing over all images before any comes again."""
    passes = [rng.permutation(kept) for _ in range(-(-steps * BATCH // len(kept)))]
    return np.split(np.concatenate(passes)[: steps * BATCH], steps)


def target(described: Described, place: int, mirrored: bool) -> dict[str, Tensor]:
    boxes = described.boxes[place].copy()
    if mirrored:
        boxes[:, [0, 2]] = SIZE[1] - boxes[:, [2, 0]]
    return {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(described.classes[place])}


def judged(network: FasterRCNN, described: Described, asked: np.ndarray) -> dict[str, float]:
    """COCO's average precision in percent at an overlap of 0.5, from 0.5 to 0.95, and the thesis' score of both."""
    found: list[tuple] = []
    with torch.inference_mode():
        for place in asked:
            (detections,), _ = heads(network, described.maps[[place], 0], None)
            numbers = (detections[name].numpy() for name in ("boxes", "scores", "labels"))
            found += [(place, *row) for row in zip(*numbers, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco(described, asked)
        truth.createIndex()
        results = [
            {"image_id": int(place), "category_id": int(name), "bbox": sides(box), "score": float(score)}
            for place, box, score, name in found
        ]
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    many, half = (100 * float(evaluation.stats[place]) for place in (0, 1))
    return {"map50": round(half, 2), "map50_95": round(many, 2), "score": round(0.1 * half + 0.9 * many, 2)}


def coco(described: Described, asked: Sequence[int]) -> dict:
    boxes = [
        (int(place), int(name), sides(box))
        for place in asked
        for name, box in zip(described.classes[place], described.boxes[place], strict=True)
    ]
    return {
        "images": [{"id": int(place), "height": SIZE[0], "width": SIZE[1]} for place in asked],
        "categories": [{"id": name} for name in sorted({name for _, name, _ in boxes})],
        "annotations": [
            {"id": 1 + at, "image_id": place, "category_id": name, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for at, (place, name, box) in enumerate(boxes)
        ],
    }


def sides(box: np.ndarray) -> list[float]:
    """Left, top, width and height."""
    left, top, right, bottom = map(float, box)
    return [left, top, right - left, bottom - top]


if __name__ == "__main__":
    main()
