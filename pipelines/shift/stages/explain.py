"""Take the drop from A to B apart, and ask what else there is to ask of it."""

from winnow import stage, tables
from winnow.curation.review import DECISIONS_FILE, read_review
from winnow.files import SETS
from winnow.shift.checked import row_digests
from winnow.shift.explain import explain
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    rows = {name: workspace.table("shift_rows", set=name) for name in SETS}
    answers = {name: workspace.arrays("shift_answers", set=name) for name in ("a", "b")}
    labels = {name: answers[name]["labels"] for name in answers}
    features = {name: tables.map_array(workspace.path("shift_features", set=name)) for name in SETS}
    images, decisions = row_digests(rows, features, labels), workspace.path("review") / DECISIONS_FILE
    review = read_review(decisions, images=images, class_names=workspace.class_names)
    stage.warn(review.warnings)
    found = explain(
        labels,
        {name: answers[name]["pred_probs"] for name in answers},
        features,
        train_labels=rows["train"]["label"].to_numpy(),
        rows=rows,
        class_names=workspace.class_names,
        training=workspace.json("metrics", stage="train"),
        sets=params.sets.model_dump(),
        options=params.explain.model_dump(),
        verdicts=review.rows,
    )
    for name, table in found.tables.items():
        workspace.write(name, table)
    workspace.write_each("shift_scores", "set", found.scores)
    workspace.write("metrics", found.summary, stage="summary")
    return str(found.summary["verdict"])


if __name__ == "__main__":
    stage.run("explain", main)
