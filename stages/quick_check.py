"""Balanced accuracy of a small network trained on the curated images: a figure before the long training."""

from winnow import stage
from winnow.data.pixels import DecodedPixels, resized_to
from winnow.evaluation.held_out import HeldOut, read_test_sets
from winnow.evaluation.quick import quick_check
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    ledger = workspace.table("ledger", ["image_id", "split", "final_label"])
    training = ledger[ledger["split"] == "train"]
    class_names = workspace.class_names
    side = resized_to(params.data.image_size, params.data.train_size)
    test_sets = read_test_sets(
        {"test": (params.data.test_archive, params.data.test_split)},
        named=params.data.class_names,
        class_names=class_names,
        image_size=side or params.data.image_size,
        max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
        spool=workspace.scratch("quick_check"),
    )
    found = quick_check(
        DecodedPixels(workspace.column("images", "image_bytes", of=training["image_id"].to_numpy()), resized_to=side)[
            :
        ],
        training["final_label"].to_numpy(),
        HeldOut.of_packed(workspace.table("packed_set", part="validation")),
        test_sets,
        num_classes=len(class_names),
        **params.quick_check.model_dump(),
    )
    workspace.write("metrics", found.metrics, stage="quick_check")
    return str(found)


if __name__ == "__main__":
    stage.run("quick_check", main)
