"""Balanced accuracy of both arms on the validation and test sets; the scorecard against the truth file."""

from winnow import stage
from winnow.evaluation.arms import evaluate_arms
from winnow.evaluation.held_out import HeldOut, find_test_sets, read_test_sets
from winnow.evaluation.scorecard import scorecard
from winnow.evaluation.truth import read_truth
from winnow.files import ARMS
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    class_names = workspace.class_names
    test_sets = read_test_sets(
        find_test_sets(params.data.test_archive, params.data.test_split, params.data.test_sets),
        named=params.data.class_names,
        class_names=class_names,
        image_size=params.data.image_size or params.data.train_size,
        max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
        spool=workspace.scratch("evaluate"),
    )
    found = evaluate_arms(
        {arm: workspace.path("weights", arm=arm) for arm in ARMS},
        HeldOut.of_packed(workspace.table("packed_set", part="validation")),
        test_sets,
        training=HeldOut.of_packed(workspace.table("packed_set", part="baseline")),
        training_name=params.data.archive,
        class_names=class_names,
        batch_size=params.evaluate.batch_size,
        embed=params.embed.model_dump(),
    )
    card = scorecard(workspace.table("ledger"), read_truth(params.data.truth, class_names=class_names))
    workspace.write_all([*found.files(), ("metrics", {"stage": "scorecard"}, card)])
    stage.warn(found.warnings)
    return found.words


if __name__ == "__main__":
    stage.run("evaluate", main)
