"""Train a network from scratch on one arm, choosing the best epoch on the validation set."""

import io
import shutil
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

from winnow import stage, tables
from winnow.data.decode import decode_pixels
from winnow.errors import WinnowError
from winnow.models.classifier import train_classifier
from winnow.models.recipe import named_recipe
from winnow.models.weights import save_model

ARMS = ("baseline", "submission")


def main(params) -> str:
    arm = sys.argv[1] if len(sys.argv) == 2 else ""
    if arm not in ARMS:
        raise WinnowError(f"stages/train.py takes one arm, {' or '.join(ARMS)}, not {' '.join(sys.argv[1:])!r}.")
    class_names = tables.read_json("data/interim/classes.json")
    train_set = tables.read_parquet(f"data/processed/{arm}_set.parquet")
    validation_set = tables.read_parquet("data/processed/validation_set.parquet")
    for name, packed in ((arm, train_set), ("validation", validation_set)):
        if packed.empty:
            raise WinnowError(f"the {name} set is empty; loosen the thresholds under curate in params.yaml.")
    image_size = Image.open(io.BytesIO(train_set["image_bytes"].iloc[0])).width
    pixels, validation_pixels = (
        decode_pixels(packed["image_bytes"].to_list(), image_size=image_size) for packed in (train_set, validation_set)
    )
    settings = params.train
    numbers = getattr(settings, settings.recipe).model_dump()
    recipe = named_recipe(
        settings.recipe,
        **numbers,
        patience=settings.patience,
        precision=settings.precision,
        compile=settings.compile,
    )
    scratch = Path(".winnow/scratch/train") / arm  # survives a kill; a later run takes up its checkpoints
    curves, reached = [], []
    for seed in settings.seeds:
        result = train_classifier(
            pixels,
            train_set["label"].to_numpy(),
            validation_pixels,
            validation_set["label"].to_numpy(),
            num_classes=len(class_names),
            recipe=recipe,
            network=settings.network,
            seed=seed,
            scratch=scratch,
            description=f"train {arm}, seed {seed}",
        )
        path = f"models/{arm}/seed-{seed}.safetensors"
        save_model(result.state, path, network=settings.network, num_classes=len(class_names))
        curves.append(result.curve.assign(seed=seed))
        best = result.curve["validation_balanced_accuracy"].max()
        reached.append(f"seed {seed}: {best:.2%} on the validation set in epoch {result.best_epoch}")
    tables.write_csv(pd.concat(curves), f"metrics/curves/{arm}.csv")
    shutil.rmtree(scratch)
    return f"{len(train_set)} images; " + "; ".join(reached)


if __name__ == "__main__":
    stage.run("train", main)
