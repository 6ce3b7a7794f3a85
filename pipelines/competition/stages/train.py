"""Train the fixed network on one arm, raw or cleaned, by the competition's recipe."""

import sys

from winnow import stage
from winnow.competition.pool import shrunk
from winnow.models.classifier import train_classifier
from winnow.models.recipe import named_recipe
from winnow.models.weights import save_model
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, arm, options = Workspace(), sys.argv[1], params.competition_training
    num_classes, data = len(params.competition.class_names), []
    for part in ("training", "validation"):
        packed = workspace.table("competition_set", arm=arm, part=part)
        data += [shrunk(packed["image_bytes"].tolist()), packed["label"].to_numpy()]
    recipe = named_recipe("competition", **options.recipe.model_dump(), precision="float32")
    results = {}
    for seed in options.seeds:
        results[seed] = train_classifier(
            *data,
            num_classes=num_classes,
            network="competition",
            recipe=recipe,
            seed=seed,
            scratch=workspace.scratch("train", arm),
            description=f"train {arm}, seed {seed}",
        )
        path = workspace.path("competition_weights", arm=arm) / f"seed-{seed}.safetensors"
        save_model(results[seed].state, path, network="competition", num_classes=num_classes)
    workspace.remove_scratch("train", arm)
    return "; ".join(f"seed {seed}: {result}" for seed, result in results.items())


if __name__ == "__main__":
    stage.run("train", main)
