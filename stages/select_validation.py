"""Choose a clean, diverse validation set, with what people confirmed and rejected, and finish the ledger."""

from winnow import stage
from winnow.curation.review import CONFIRMATIONS_FILE, digests, read_confirmations
from winnow.curation.validation_set import make_validation_set
from winnow.data.pixels import resized_to
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    decisions, external = workspace.table("decisions"), workspace.table("outside")
    image_id, class_names = decisions["image_id"].to_numpy(), workspace.class_names
    review = read_confirmations(
        workspace.path("review") / CONFIRMATIONS_FILE, images=digests(decisions, external), class_names=class_names
    )
    made = make_validation_set(
        decisions,
        workspace.arrays("features", of=image_id)["features"],
        workspace.column("images", "image_bytes", of=image_id),
        external,
        review.rows,
        class_names=class_names,
        resized_to=resized_to(params.data.image_size, params.data.train_size),
        **params.validation.model_dump(),
    )
    workspace.write("ledger", made.ledger)
    for part, packed in made.sets.items():
        workspace.write_stream("packed_set", packed.frames(), part=part)
    workspace.write("metrics", made.metrics, stage="validation_set")
    stage.warn([*review.warnings, *made.warnings])
    return made.summary


if __name__ == "__main__":
    stage.run("select_validation", main)
