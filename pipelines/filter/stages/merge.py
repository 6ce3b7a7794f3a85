"""Give every image its keeper and its place in the order of removal, by merge trees or by herding."""

from winnow import stage
from winnow.filtering.scores import redundancy_scores
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, section = Workspace(), params.redundancy
    items = workspace.table("items")
    items = items[items["is_filtered"]].reset_index(drop=True)
    points = workspace.arrays("points", of=items["image_id"].to_numpy(dtype=str))["points"]
    scores = redundancy_scores(items, points, **section.model_dump())
    workspace.write("redundancy", scores)
    return f"{len(items):,} images in {scores['group'].nunique()} groups"


if __name__ == "__main__":
    stage.run("merge", main)
