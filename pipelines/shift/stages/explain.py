"""Take the drop from A to B apart, and ask what else there is to ask of it."""

from winnow import stage, tables
from winnow.files import SETS
from winnow.shift.explain import explain
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    rows = {name: workspace.table("shift_rows", set=name) for name in SETS}
    answers = {name: workspace.arrays("shift_answers", set=name) for name in ("a", "b")}
    found = explain(
        {name: answers[name]["labels"] for name in answers},
        {name: answers[name]["pred_probs"] for name in answers},
        {name: tables.map_array(workspace.path("shift_features", set=name)) for name in SETS},
        train_labels=rows["train"]["label"].to_numpy(),
        rows=rows,
        class_names=workspace.class_names,
        training=workspace.json("metrics", stage="train"),
        sets=params.sets.model_dump(),
        options=params.explain.model_dump(),
    )
    workspace.write("shift_parts", found.parts)
    workspace.write("shift_classes", found.per_class)
    workspace.write("shift_slices", found.slices)
    workspace.write("shift_distances", found.by_distance)
    workspace.write_each("shift_scores", "set", found.scores)
    workspace.write("metrics", found.summary, stage="summary")
    return str(found.summary["verdict"])


if __name__ == "__main__":
    stage.run("explain", main)
