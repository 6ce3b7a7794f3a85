"""Plain and balanced accuracy of both arms on the test set, and what a truth file says of the rounds."""

from winnow import stage, tables
from winnow.competition.outcome import arm_accuracy, found_errors
from winnow.competition.pool import HIDDEN, read_pool, shrunk
from winnow.files import given
from winnow.models.weights import load_model
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, options = Workspace(), params.competition
    test = read_pool(options.test_archive, class_names=options.class_names, splits=HIDDEN)
    pixels, labels = shrunk(test["image_bytes"].tolist()), test["label"].to_numpy()
    known = workspace.table("pool", ["image_bytes"])["image_bytes"]
    seen = test["image_bytes"].isin(set(known)).to_numpy()
    summary: dict[str, dict[str, float]] = {}
    for arm in ("raw", "cleaned"):
        files = sorted(workspace.path("competition_weights", arm=arm).glob("seed-*.safetensors"))
        networks = [load_model(file, num_classes=len(options.class_names)) for file in files]
        summary[arm] = arm_accuracy(networks, pixels, labels, seen)
    if given(options.truth):
        summary["errors"] = found_errors(
            workspace.table("round", number="2"), tables.read_csv(options.truth, text="image_id".__eq__)
        )
    workspace.write("competition_metrics", summary, stage="summary")
    return f"accuracy {summary['raw']['accuracy']:.2%} raw, {summary['cleaned']['accuracy']:.2%} cleaned"


if __name__ == "__main__":
    stage.run("evaluate", main)
