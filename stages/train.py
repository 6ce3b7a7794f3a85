"""Train a network from scratch on one arm, choosing the best epoch on the validation set."""

import sys

import pandas as pd

from winnow import stage
from winnow.data.pixels import DecodedPixels
from winnow.errors import WinnowError
from winnow.files import ARMS
from winnow.models.classifier import train_classifier
from winnow.models.recipe import chosen_recipe
from winnow.models.weights import save_model
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    arm = sys.argv[1] if len(sys.argv) == 2 else ""
    if arm not in ARMS:
        raise WinnowError(f"stages/train.py takes one arm, {' or '.join(ARMS)}, not {' '.join(sys.argv[1:])!r}.")
    workspace, settings = Workspace(), params.train
    num_classes = len(workspace.class_names)
    data = []
    for part in (arm, "validation"):
        data.append(DecodedPixels(workspace.column("packed_set", "image_bytes", part=part))[:])
        data.append(workspace.table("packed_set", ["label"], part=part)["label"].to_numpy())
    recipe, scratch = chosen_recipe(settings.model_dump()), workspace.scratch("train", arm)
    options = {"num_classes": num_classes, "network": settings.network, "recipe": recipe, "scratch": scratch}
    results = {}
    for seed in settings.seeds:
        results[seed] = train_classifier(*data, seed=seed, description=f"train {arm}, seed {seed}", **options)
        path = workspace.path("weights", arm=arm) / f"seed-{seed}.safetensors"
        save_model(results[seed].state, path, network=settings.network, num_classes=num_classes)
    workspace.write("curve", pd.concat(result.curve.assign(seed=seed) for seed, result in results.items()), arm=arm)
    workspace.remove_scratch("train", arm)
    return f"{len(data[0])} images; " + "; ".join(f"seed {seed}: {result}" for seed, result in results.items())


if __name__ == "__main__":
    stage.run("train", main)
