"""Take the features of every image from a layer of a network, and those of some images lightly changed."""

from winnow import stage
from winnow.data.archive import open_archive
from winnow.filtering.describe import describe, description
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, items = Workspace(), Workspace().table("items")
    with open_archive(params.dataset.archive, max_unpacked_bytes=params.dataset.max_unpacked_gb * 2**30) as archive:
        layer, changed = describe(
            archive,
            items,
            workspace.path("layer_features"),
            **params.network.model_dump(),
            changed_images=params.reduce.changed_images,
            seed=params.reduce.seed,
            scratch=workspace.scratch("extract"),
        )
    workspace.write("layer", layer)
    workspace.write("changed", changed)
    workspace.remove_scratch("extract")
    return description(len(items), params.network.model, layer)


if __name__ == "__main__":
    stage.run("extract", main)
