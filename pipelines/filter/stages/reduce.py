"""Centre and rotate the features, or lay them out, at length 1, and learn how far a copy may be."""

import numpy as np

from winnow import stage
from winnow.filtering.layout import reduced_by
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, items = Workspace(), Workspace().table("items")
    features = np.load(workspace.path("layer_features"), mmap_mode="r")
    ids = items["image_id"].to_numpy(dtype=str)
    found = reduced_by(
        params.reduce.method,
        ids,
        features,
        items["is_filtered"].to_numpy(),
        workspace.arrays("changed"),
        dimensions=params.reduce.dimensions,
        seed=params.reduce.seed,
    )
    workspace.write("points", {"image_id": ids, **found.arrays()})
    return f"{params.reduce.method}: {found.points.shape[1]} of {features.shape[1]} dimensions, {found.sentence}"


if __name__ == "__main__":
    stage.run("reduce", main)
