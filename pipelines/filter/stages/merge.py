"""Give every image its keeper and its place in the order of removal, copies first, by merge trees or by herding."""

import numpy as np

from winnow import stage
from winnow.filtering.copies import CopySpace
from winnow.filtering.scores import order_figures, redundancy_scores
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, section = Workspace(), params.redundancy
    items = workspace.table("items")
    arrays = workspace.arrays("points", of=items["image_id"].to_numpy(dtype=str))
    filtered = items["is_filtered"].to_numpy()
    points = arrays["points"][filtered]
    scores = redundancy_scores(
        items[filtered].reset_index(drop=True),
        points,
        copies=CopySpace.of_points(np.load(workspace.path("layer_features"), mmap_mode="r"), arrays).only(filtered),
        within=float(arrays["copy_distance"]),
        **section.model_dump(),
    )
    workspace.write("redundancy", scores)
    figures = order_figures(scores, points, method=section.method, seed=section.seed)
    workspace.write("filter_order", figures)
    told = f". {figures['blocks']['sentence']}" if "blocks" in figures else ""
    return f"{figures['images']:,} images in {figures['groups']} groups{told}"


if __name__ == "__main__":
    stage.run("merge", main)
