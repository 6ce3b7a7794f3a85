"""Out-of-sample class probabilities for every image, from a linear probe on the features."""

import numpy as np

from winnow import stage, tables
from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import crossval_pred_probs

FEATURES = "data/interim/features.npz"
DUPLICATES = "data/interim/duplicates.parquet"


def main(params) -> str:
    manifest = tables.read_parquet("data/interim/manifest.parquet")
    class_names = tables.read_json("data/interim/classes.json")
    image_id, labels = manifest["image_id"].to_numpy().astype(str), manifest["label"].to_numpy()
    arrays = tables.read_arrays(FEATURES)
    features = arrays["features"][tables.align(image_id, arrays["image_id"], FEATURES)]
    duplicates = tables.read_parquet(DUPLICATES)
    groups = duplicates["duplicate_group"].to_numpy()[tables.align(image_id, duplicates["image_id"], DUPLICATES)]

    folds = [
        stratified_group_folds(labels, groups, folds=params.crossval.folds, seed=seed) for seed in params.crossval.seeds
    ]
    result = crossval_pred_probs(
        features, labels, folds, num_classes=len(class_names), l2_candidates=params.crossval.l2_candidates
    )
    tables.write_arrays(
        "data/interim/pred_probs.npz",
        image_id=image_id,
        pred_probs=result.pred_probs,
        fold=folds[0],
        l2=np.array(result.l2),
    )

    disagreeing = int((result.pred_probs.argmax(axis=1) != labels).sum())
    tables.write_json(
        "metrics/crossval.json",
        {
            "images": len(labels),
            "accuracy": result.accuracy,
            "disagreeing": disagreeing,
            "disagreement": disagreeing / len(labels),
            "log_loss": result.log_loss[result.l2],
            "l2": result.l2,
            "log_loss_by_l2": {str(l2): loss for l2, loss in result.log_loss.items()},
        },
    )
    return f"the probe agrees with {result.accuracy:.1%} of the given labels (l2 {result.l2})"


if __name__ == "__main__":
    stage.run("crossval_pred_probs", main)
