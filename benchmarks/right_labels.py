"""What wrong labels cost the course's recipe: ResNet-34 on as many images as DS801's curated ones, with right labels.

    python benchmarks/right_labels.py --shared ../shared --jobs 4     # for a GPU

27,000 images of CIFAR-10, enlarged to 64 x 64, under their true labels and under three sets that people gave on the web
(CIFAR-10N, Wei et al. 2022, arXiv 2110.12088): of three people the most voted, one at random, and the worst. The recipe
is the course's; the best epoch is chosen on 1,000 other images with true labels, and 10,000 test images are asked.
Writes `benchmarks/results/right-labels.json`; a killed run goes on behind the last network.
"""

import argparse
import io
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from machine import machine
from winnow import tables
from winnow.metrics import balanced_accuracy
from winnow.models.classifier import train_classifier
from winnow.models.networks import find_network
from winnow.models.predict import predict
from winnow.models.recipe import named_recipe

ROOT = Path(__file__).resolve().parents[1]
CLASSES, VALIDATION, SIZE = 10, 1_000, 64
GIVEN = {"true labels": "label", "voted": "aggre_label", "one at random": "random_label1", "the worst": "worse_label"}
COURSE = {"batch_size": 128, "learning_rate": 0.01, "momentum": 0.9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/cifar10n")
    parser.add_argument("--images", default=27_000, type=int)
    parser.add_argument("--epochs", default=30, type=int)
    parser.add_argument("--seeds", default=2, type=int)
    parser.add_argument("--jobs", default=1, type=int, help="networks at a time")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/right-labels.json", type=Path)
    arguments = parser.parse_args()
    sizes = {"images": arguments.images, "epochs": arguments.epochs}
    before = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    runs = before.get("runs", []) if all(before.get(key) == value for key, value in sizes.items()) else []
    done = {(run["labels"], run["seed"]) for run in runs}
    wanted = [(given, seed) for seed in range(arguments.seeds) for given in GIVEN if (given, seed) not in done]
    work = partial(accuracy, shared=arguments.shared, **sizes)
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(work, *key) for key in wanted]):
            runs.append(future.result())
            print(runs[-1], flush=True)
            with tables.replacing(arguments.out) as temporary:
                temporary.write_text(json.dumps(result(runs, sizes), indent=2) + "\n")


def accuracy(given: str, seed: int, *, shared: Path, images: int, epochs: int) -> dict:
    train = pd.read_parquet(shared / "data/cifar10n/train.parquet", columns=["jpeg", *GIVEN.values()])
    test = pd.read_parquet(shared / "data/cifar10n/test.parquet", columns=["jpeg", "label"])
    train = train.sample(images + VALIDATION, random_state=seed)
    own, validation = train.iloc[:images], train.iloc[images:]
    trained = train_classifier(
        pixels(own["jpeg"]),
        own[GIVEN[given]].to_numpy().astype(np.int64),
        pixels(validation["jpeg"]),
        validation["label"].to_numpy(),
        num_classes=CLASSES,
        recipe=named_recipe("course", epochs=epochs, **COURSE),
        seed=seed,
        description=f"{given}, seed {seed}",
    )
    network = find_network("resnet34").build(CLASSES)
    network.load_state_dict(trained.state)
    predicted = predict(network, pixels(test["jpeg"]), batch_size=500).argmax(axis=1)
    return {
        "labels": given,
        "seed": seed,
        "wrong_labels": round(float((own[GIVEN[given]] != own["label"]).mean()), 4),
        "balanced_accuracy": balanced_accuracy(test["label"].to_numpy(), predicted, num_classes=CLASSES),
        "best_epoch": trained.best_epoch,
    }


def pixels(encoded: pd.Series) -> np.ndarray:
    pictures = (Image.open(io.BytesIO(content)).convert("RGB") for content in encoded)
    return np.stack([np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR)) for picture in pictures])


def result(runs: list[dict], sizes: dict) -> dict:
    frame = (
        pd.DataFrame(runs).groupby("labels", sort=False)[["wrong_labels", "balanced_accuracy"]].agg(["mean", "count"])
    )
    rows = [
        {
            "labels": given,
            "seeds": int(row["balanced_accuracy", "count"]),
            "wrong_labels": round(float(row["wrong_labels", "mean"]), 4),
            "balanced_accuracy": round(float(row["balanced_accuracy", "mean"]), 4),
        }
        for given, row in frame.iterrows()
    ]
    return {"benchmark": "right-labels", **machine(), **sizes, "rows": rows, "runs": runs}


if __name__ == "__main__":
    main()
