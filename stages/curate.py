"""Take one reasoned decision per image: keep, relabel or drop."""

from winnow import stage
from winnow.curation.decide import decide
from winnow.curation.decisions import curate_metrics, curate_summary, join_scores
from winnow.curation.review import digests, read_review
from winnow.curation.rules import withheld
from winnow.stage import Declared
from winnow.workspace import Workspace


def main(params: Declared) -> str:
    workspace = Workspace()
    manifest, class_names = workspace.table("manifest"), workspace.class_names
    scores = [workspace.table(name) for name in ("duplicates", "label_issues", "ood_scores")]
    faults = workspace.table("image_faults", ["image_id", "image_faults"])
    decisions_file = workspace.path("review") / "decisions.csv"
    review = read_review(decisions_file, images=digests(manifest), class_names=class_names)
    stage.warn(review.warnings)

    thresholds = params.curate.model_dump()
    decisions = decide(
        join_scores(manifest, *scores, faults), class_names=class_names, thresholds=thresholds, review=review.rows
    )
    stage.warn(withheld(decisions, thresholds))
    workspace.write("decisions", decisions)
    workspace.write("metrics", curate_metrics(decisions, class_names=class_names), stage="curate")
    return curate_summary(decisions, class_names=class_names, class_floor=thresholds["class_floor"])


if __name__ == "__main__":
    stage.run("curate", main)
