"""Balance the classes with augmented copies, originals first, within the budget."""

from winnow import stage
from winnow.augmentation.policy.policy import read_policy
from winnow.augmentation.training_set import make_training_set
from winnow.data.images import resized_bytes
from winnow.data.pixels import resized_to
from winnow.files.scores import NEIGHBOURS
from winnow.workspace import Workspace

COLUMNS = ("image_id", "split", "label", "final_label", "ood_score", "decided_by")


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    ledger = workspace.table("ledger", [*COLUMNS, *(column.name for column in NEIGHBOURS)])
    training = ledger[ledger["split"] == "train"]
    image_id = training["image_id"].to_numpy()
    side = resized_to(params.data.image_size, params.data.train_size)
    images, encoded = workspace.table("images", ["image_id"]), workspace.column("images", "image_bytes")
    made = make_training_set(
        training,
        images.assign(image_bytes=resized_bytes(encoded, image_size=side)[:]),
        workspace.arrays("pred_probs", of=image_id)["pred_probs"],
        workspace.arrays("class_probs", of=image_id)["class_probs"],
        policy=read_policy(workspace.path("augmentation_policy")),
        class_names=workspace.class_names,
        **params.augment.model_dump(),
    )
    workspace.write_stream("packed_set", made.packed.frames(), part="submission")
    workspace.write("metrics", made.metrics, stage="augment")
    return made.summary


if __name__ == "__main__":
    stage.run("augment", main)
