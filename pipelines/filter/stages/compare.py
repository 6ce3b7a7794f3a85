"""Compare ways to choose by what a probe, a network or a detector learns from what they keep."""

from functools import partial

import numpy as np

from winnow import stage
from winnow.data.archive import open_archive
from winnow.filtering.pays import pays
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, items = Workspace(), Workspace().table("items")
    limit = params.dataset.max_unpacked_gb * 2**30
    result = pays(
        items,
        np.load(workspace.path("layer_features"), mmap_mode="r"),
        workspace.arrays("points", of=items["image_id"].to_numpy(dtype=str)),
        workspace.table("boxes"),
        partial(open_archive, params.dataset.archive, max_unpacked_bytes=limit),
        **params.pays.model_dump(),
        scratch=workspace.scratch("compare"),
    )
    workspace.write("pays_metrics", result.figures())
    workspace.write("pays", result.table)
    workspace.remove_scratch("compare")
    return result.sentence


if __name__ == "__main__":
    stage.run("compare", main)
