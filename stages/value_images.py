"""Score every image by what it does to a network that is trained on it; off by default."""

from winnow import stage
from winnow.curation.decisions import join_scores
from winnow.curation.review import trusted_labels
from winnow.files.main import VALUED
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, data, options = Workspace(), params.data, params.valuation
    if not options.enabled:
        workspace.write("values", VALUED.no_rows())
        return "off; valuation.enabled in params.yaml turns it on"
    from winnow.data.pixels import DecodedPixels, resized_to  # here: a stage that is off is to cost nothing
    from winnow.evaluation.valued import read_trusted, value_dataset

    manifest, names, scratch = workspace.table("manifest"), workspace.class_names, workspace.scratch("value_images")
    side = resized_to(data.image_size, data.train_size)
    valued = value_dataset(
        join_scores(manifest, *(workspace.table(name) for name in ("duplicates", "label_issues", "ood_scores"))),
        DecodedPixels(workspace.column("images", "image_bytes"), resized_to=side),
        read_trusted(data, class_names=names, spool=scratch),
        trusted_labels(workspace.path("review"), manifest, class_names=names),
        class_names=names,
        options=options,
        reference_per_class=data.reference_per_class,
        scratch=scratch,
    )
    stage.warn(valued.warnings)
    workspace.write("values", valued.values)
    workspace.remove_scratch("value_images")
    return valued.summary


if __name__ == "__main__":
    stage.run("value_images", main)
