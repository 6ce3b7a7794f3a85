"""Out-of-sample class probabilities for every image, from a linear probe on the features."""

import numpy as np

from winnow import stage
from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import crossval_pred_probs
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, settings = Workspace(), params.crossval
    manifest = workspace.table("manifest", ["image_id", "label"])
    image_id, labels = manifest["image_id"].to_numpy().astype(str), manifest["label"].to_numpy()
    groups = workspace.table("duplicates", ["duplicate_group"], of=image_id)["duplicate_group"].to_numpy()

    folds = [stratified_group_folds(labels, groups, folds=settings.folds, seed=seed) for seed in settings.seeds]
    result = crossval_pred_probs(
        workspace.arrays("features", of=image_id)["features"],
        labels,
        folds,
        num_classes=len(workspace.class_names),
        l2_candidates=settings.l2_candidates,
    )
    arrays = {"image_id": image_id, "pred_probs": result.pred_probs, "fold": folds[0], "l2": np.array(result.l2)}
    workspace.write("pred_probs", arrays)
    workspace.write("metrics", result.metrics(labels), stage="crossval")
    return result.summary


if __name__ == "__main__":
    stage.run("crossval_pred_probs", main)
