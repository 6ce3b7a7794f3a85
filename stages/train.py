"""Train a network from scratch on one arm, choosing the best epoch on the validation set."""

import sys

from winnow import stage
from winnow.data.pixels import DecodedPixels
from winnow.errors import WinnowError
from winnow.files import ARMS
from winnow.models.recipe import chosen_recipe
from winnow.models.seeds import curves, in_words, train_seeds
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    arm = sys.argv[1] if len(sys.argv) == 2 else ""
    if arm not in ARMS:
        raise WinnowError(f"stages/train.py takes one arm, {' or '.join(ARMS)}, not {' '.join(sys.argv[1:])!r}.")
    workspace, settings, parts = Workspace(), params.train, (arm, "validation")
    pixels = (DecodedPixels(workspace.column("packed_set", "image_bytes", part=part))[:] for part in parts)
    labels = (workspace.table("packed_set", ["label"], part=part)["label"].to_numpy() for part in parts)
    training, validation = zip(pixels, labels, strict=True)
    results = train_seeds(
        training,
        validation,
        settings.seeds,
        workspace.path("weights", arm=arm),
        network=settings.network,
        num_classes=len(workspace.class_names),
        recipe=chosen_recipe(settings.model_dump()),
        scratch=workspace.scratch("train", arm),
        description=f"train {arm}",
    )
    workspace.write("curve", curves(results), arm=arm)
    workspace.remove_scratch("train", arm)
    return f"{len(training[0])} images; {in_words(results)}"


if __name__ == "__main__":
    stage.run("train", main)
