"""Take one reasoned decision per image: keep, relabel or drop."""

from winnow import stage
from winnow.curation.decide import decide
from winnow.curation.decisions import curate_metrics, curate_summary, join_scores
from winnow.curation.review import DECISIONS_FILE, digests, read_review
from winnow.curation.rules import withheld
from winnow.curation.tags import TAGS_FILE, read_tags, with_tags
from winnow.stage import Declared
from winnow.workspace import Workspace


def main(params: Declared) -> str:
    workspace = Workspace()
    manifest, class_names = workspace.table("manifest"), workspace.class_names
    scores = [workspace.table(name) for name in ("duplicates", "label_issues", "ood_scores", "values")]
    faults = workspace.table("image_faults", ["image_id", "blurry_score", "image_faults"])
    folder, images = workspace.path("review"), digests(manifest)
    review = read_review(folder / DECISIONS_FILE, images=images, class_names=class_names)
    tags = read_tags(folder / TAGS_FILE, images=images)
    stage.warn([*review.warnings, *tags.warnings])

    thresholds = params.curate.model_dump()
    decisions = decide(
        join_scores(manifest, *scores, faults), class_names=class_names, thresholds=thresholds, review=review.rows
    )
    stage.warn(withheld(decisions, thresholds))
    workspace.write("decisions", with_tags(decisions, tags.rows))
    workspace.write("metrics", curate_metrics(decisions, class_names=class_names), stage="curate")
    return curate_summary(decisions, class_names=class_names, class_floor=thresholds["class_floor"])


if __name__ == "__main__":
    stage.run("curate", main)
