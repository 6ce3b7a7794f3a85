"""How many images per second ResNet-34 trains: winnow's trainer, plain PyTorch loops, and what the arithmetic allows.

    python benchmarks/training.py                                     # 50,000 images, 30 epochs of winnow's: for a GPU
    python benchmarks/training.py --images 1280 --epochs 2 --name cpu # for a CPU

The images are synthetic JPEGs of 64 x 64 (`benchmarks/synthetic.py`), in memory for winnow and in class folders for the
loops, as `ImageFolder` reads them. Every way trains the same network on the same images, in batches of 128 where its
name does not say otherwise. A loop takes one epoch to warm up and counts by the fastest of the next; winnow counts by
the fastest of all. `times_plain_loop` compares batches of 128 with batches of 128. The result is
`benchmarks/results/training-<name>.json`; without a name the device's.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from machine import machine
from synthetic import CLASSES, pictures
from winnow.data.decode import decode_pixels
from winnow.device import best_device
from winnow.models import classifier
from winnow.models.networks import find_network
from winnow.models.recipe import compute_dtype, named_recipe
from winnow.models.recorded_step import RecordedStep

ROOT = Path(__file__).resolve().parents[1]
ONE_DNN = "winnow, course recipe, small maps by oneDNN too"
BY_HAND = "winnow, course recipe, no step recorded"
SIZE = 64
COURSE = {"batch_size": 128, "learning_rate": 0.01, "momentum": 0.9}
FAST = {"learning_rate": 0.2, "momentum": 0.9, "weight_decay": 5e-4, "label_smoothing": 0.1, "average_decay": 0.99}


def main() -> None:
    arguments = parse()
    device = best_device()
    scratch = Path(tempfile.mkdtemp(prefix="winnow-training-"))
    encoded, labels = write_folders(scratch / "images", arguments.images)
    result = {"benchmark": "training", **machine(), "images": arguments.images, "image_size": SIZE, "ways": []}
    out = Path(arguments.out) / f"training-{arguments.name or result['machine'].replace(' ', '-').lower()}.json"
    out.parent.mkdir(parents=True, exist_ok=True)

    def record(name: str, rate: float, **figures: float) -> None:
        result["ways"].append({"way": name, "images_per_second": round(rate, 1), **figures})
        print(f"{name}: {rate:,.0f} images/s {figures or ''}", flush=True)
        out.write_text(json.dumps(result, indent=2) + "\n")

    limit = arithmetic_limit(device)
    record("the arithmetic limit", limit)
    workers = len(os.sched_getaffinity(0))
    for name, transform in PLAIN.items():
        record(name, plain_loop(scratch / "images", transform, workers=workers, device=device))
    for name, recipe in winnow_ways(arguments.epochs, arguments.no_compile, device).items():
        start = time.perf_counter()
        pixels = decode_pixels(encoded, image_size=SIZE)
        with WITHOUT.get(name, nullcontext()):
            trained = classifier.train_classifier(
                pixels,
                labels,
                pixels[: arguments.validation],
                labels[: arguments.validation],
                num_classes=CLASSES,
                recipe=recipe,
                seed=0,
                scratch=scratch / "checkpoints",
                device=device,
            )
        seconds = round(time.perf_counter() - start, 1)
        record(name, trained.images_per_second, seconds=seconds, epochs=recipe.epochs)
        shutil.rmtree(scratch / "checkpoints")
    rates = {way["way"]: way["images_per_second"] for way in result["ways"]}
    same_batch = max(rate for name, rate in rates.items() if name.startswith("winnow, course"))
    best = max(rate for name, rate in rates.items() if name.startswith("winnow"))
    result["times_plain_loop"] = round(same_batch / rates[next(iter(PLAIN))], 2)
    result["share_of_limit"] = round(best / limit, 3)
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"winnow trains {result['times_plain_loop']} times as fast as the plain loop; wrote {out}")
    shutil.rmtree(scratch)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--validation", type=int, default=1000, help="images that each epoch is validated on")
    parser.add_argument("--epochs", type=int, default=30, help="of winnow's trainer")
    parser.add_argument("--no-compile", action="store_true", help="leave the compiled ways out")
    parser.add_argument("--name", default="", help="names the result file")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results"), help="folder of the result file")
    return parser.parse_args()


def write_folders(folder: Path, images: int) -> tuple[list[bytes], np.ndarray]:
    """Write the synthetic images in class folders; returns the same files in memory, and (N,) int64 labels."""
    encoded, labels = [], np.empty(images, dtype=np.int64)
    for i, (content, label) in enumerate(pictures(images=images, seed=0, image_size=SIZE)):
        path = folder / str(label) / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        encoded.append(content)
        labels[i] = label
    return encoded, labels


def winnow_ways(epochs: int, no_compile: bool, device: torch.device) -> dict:
    ways = {
        "winnow, course recipe": named_recipe("course", epochs=epochs, **COURSE),
        (ONE_DNN if device.type == "cpu" else BY_HAND): named_recipe("course", epochs=epochs, **COURSE),
        "winnow, fast recipe, batches of 512": named_recipe("fast", epochs=epochs, batch_size=512, **FAST),
    }
    if not no_compile:
        ways |= {
            "winnow, course recipe, compiled": named_recipe("course", epochs=epochs, compile=True, **COURSE),
            "winnow, fast recipe, batches of 512, compiled": named_recipe(
                "fast", epochs=epochs, batch_size=512, compile=True, **FAST
            ),
        }
    return {name: replace(recipe, threads=torch.get_num_threads()) for name, recipe in ways.items()}


WITHOUT = {
    ONE_DNN: patch.object(classifier, "SmallMaps", nullcontext),
    BY_HAND: patch.object(RecordedStep, "_recorded", lambda step: None),
}
PLAIN = {
    "plain loop, ImageFolder and ToTensor": v1.Compose([v1.Resize((SIZE, SIZE)), v1.ToTensor()]),
    "plain loop, ImageFolder and transforms v2": v2.Compose(
        [v2.ToImage(), v2.Resize((SIZE, SIZE)), v2.ToDtype(torch.float32, scale=True)]
    ),
}


def plain_loop(folder: Path, transform: Callable, *, workers: int, device: torch.device) -> float:
    """Images per second of the loop that PyTorch's tutorials show: float32, one file at a time, a worker per core."""
    loader = DataLoader(
        ImageFolder(str(folder), transform),
        batch_size=COURSE["batch_size"],
        shuffle=True,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        persistent_workers=True,
    )
    network = find_network("resnet34").build(CLASSES).to(device).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=COURSE["learning_rate"], momentum=COURSE["momentum"])
    rates = []
    for _ in range(3):
        start, seen = time.perf_counter(), 0
        for images, targets in loader:
            loss = cross_entropy(network(images.to(device)), targets.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(images)
        loss.item()  # waits for the device
        rates.append(seen / (time.perf_counter() - start))
    return max(rates[1:])


def arithmetic_limit(device: torch.device) -> float:
    """Images per second if every multiplication ran as fast as in a large matrix product of the training's type."""
    network = find_network("resnet34").build(CLASSES)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 3, SIZE, SIZE)).sum().backward()
    dtype = compute_dtype("auto", device)
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    fastest = min(_seconds(lambda: a @ b, device) for _ in range(10))
    return 2 * size**3 / fastest / (counter.get_total_flops() / 2)


def _seconds(work: Callable, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
