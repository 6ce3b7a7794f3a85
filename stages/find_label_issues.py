"""Score every label by an ensemble of sources, suggest a better one, and estimate the noise."""

from winnow import stage, tables
from winnow.detect.labels.label_issues import score_labels
from winnow.detect.labels.noise_report import report_on_labels, transition_table
from winnow.detect.signals import Evidence
from winnow.stage import Declared
from winnow.workspace import Workspace


def main(params: Declared) -> str:
    workspace = Workspace()
    manifest, class_names = workspace.table("manifest", ["image_id", "label"]), workspace.class_names
    image_id = manifest["image_id"].to_numpy().astype(str)
    probe = workspace.arrays("pred_probs", of=image_id)
    features, labels = workspace.arrays("features", of=image_id), manifest["label"].to_numpy()
    evidence = Evidence.among(features, probe, labels=labels)

    groups = workspace.table("duplicates", ["duplicate_group"], of=image_id)["duplicate_group"].to_numpy()
    options = params.label_issues.model_dump()
    scores = score_labels(evidence, fold=probe["fold"], l2=float(probe["l2"]), groups=groups, **options)
    report = report_on_labels(evidence, scores, class_names=class_names)

    workspace.write("label_issues", tables.by_image(image_id, scores.frame))
    workspace.write("class_probs", {"image_id": image_id, **scores.arrays})
    workspace.write("noise_transition", transition_table(scores.noise_rates, class_names))
    workspace.write("metrics", report.metrics, stage="label_issues")
    stage.warn(report.warnings)
    return report.summary


if __name__ == "__main__":
    stage.run("find_label_issues", main)
