"""Train a classifier on the training set and let it answer on both test sets, or read the answers that are given."""

from winnow import stage, tables
from winnow.files import SETS
from winnow.shift.answers import answers
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    found = answers(
        params.sets.model_dump(),
        params.classifier.model_dump(),
        labels={name: workspace.table("shift_rows", ["label"], set=name)["label"].to_numpy() for name in SETS},
        features={name: tables.map_array(workspace.path("shift_features", set=name)) for name in SETS},
        num_classes=len(workspace.class_names),
    )
    workspace.write_each("shift_answers", "set", found.arrays)
    workspace.write("shift_curve", found.curve)
    workspace.write("metrics", found.metrics, stage="train")
    return found.summary


if __name__ == "__main__":
    stage.run("train", main)
