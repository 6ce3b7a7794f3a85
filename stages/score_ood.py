"""Score how much every image looks like none of the classes: an ensemble of detectors, refined by self-training."""

from winnow import stage, tables
from winnow.detect.outliers.ood import score_ood
from winnow.detect.signals import Evidence
from winnow.encoders.columns import outlier_features
from winnow.stage import Declared
from winnow.workspace import Workspace


def main(params: Declared) -> str:
    workspace = Workspace()
    manifest = workspace.table("manifest", ["image_id", "label"])
    image_id = manifest["image_id"].to_numpy().astype(str)
    labels, probe = manifest["label"].to_numpy(), workspace.arrays("pred_probs", of=image_id)
    features, class_probs = (workspace.arrays(name, of=image_id) for name in ("features", "class_probs"))
    features["features"] = outlier_features(features)
    evidence = Evidence.among(probe, features, class_probs, labels=labels)

    options = params.ood.model_dump()
    scores = score_ood(evidence, fold=probe["fold"], l2=float(probe["l2"]), options=options)

    workspace.write("ood_scores", tables.by_image(image_id, scores.frame))
    workspace.write("metrics", scores.metrics, stage="ood")
    return scores.summary


if __name__ == "__main__":
    stage.run("score_ood", main)
