"""Score every image by what it does to a network that is trained on it; off by default."""

from winnow import stage
from winnow.curation.decisions import join_scores
from winnow.curation.review import trusted_labels
from winnow.files.main import VALUED
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    if not params.valuation.enabled:
        workspace.write("values", VALUED.no_rows())
        return "off; valuation.enabled in params.yaml turns it on"
    from winnow.data.pixels import DecodedPixels, resized_to  # here: a stage that is off is to cost nothing
    from winnow.evaluation.valued import read_trusted, value_dataset

    manifest, names, scratch = workspace.table("manifest"), workspace.class_names, workspace.scratch("value_images")
    side = resized_to(params.data.image_size, params.data.train_size)
    pixels = DecodedPixels(workspace.column("images", "image_bytes"), resized_to=side)
    named, most = params.data.class_names, params.data.max_unpacked_gb * 2**30
    trusted = read_trusted(params.data.reference, names, pixels, named=named, max_unpacked_bytes=most, spool=scratch)
    valued = value_dataset(
        join_scores(manifest, *(workspace.table(name) for name in ("duplicates", "label_issues", "ood_scores"))),
        pixels,
        trusted,
        trusted_labels(workspace.path("review"), manifest, class_names=names),
        class_names=names,
        options=params.valuation,
        reference_per_class=params.data.reference_per_class,
        scratch=scratch,
    )
    stage.warn(valued.warnings)
    workspace.write("values", valued.values)
    workspace.remove_scratch("value_images")
    return valued.summary


if __name__ == "__main__":
    stage.run("value_images", main)
