"""Train the fixed network on one arm, raw or cleaned, by the competition's recipe."""

import sys

from winnow import stage
from winnow.competition.pool import shrunk
from winnow.models.recipe import named_recipe
from winnow.models.seeds import in_words, train_seeds
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, arm, options = Workspace(), sys.argv[1], params.competition_training
    sets = [workspace.table("competition_set", arm=arm, part=part) for part in ("training", "validation")]
    training, validation = ((shrunk(packed["image_bytes"].tolist()), packed["label"].to_numpy()) for packed in sets)
    results = train_seeds(
        training,
        validation,
        options.seeds,
        workspace.path("competition_weights", arm=arm),
        network="competition",
        num_classes=len(params.competition.class_names),
        recipe=named_recipe("competition", **options.recipe.model_dump(), precision="float32"),
        scratch=workspace.scratch("train", arm),
        description=f"train {arm}",
    )
    workspace.remove_scratch("train", arm)
    return in_words(results)


if __name__ == "__main__":
    stage.run("train", main)
