"""Group exact and near duplicates, and find those whose labels disagree."""

from winnow import stage
from winnow.data.pixels import DecodedPixels, resized_to
from winnow.detect.duplicates.search import count_duplicates, find_duplicates
from winnow.encoders.columns import picture_features
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    manifest = workspace.table("manifest", ["image_id", "label", "bytes_sha256"])
    image_id = manifest["image_id"].to_numpy()
    side = resized_to(params.data.image_size, params.data.train_size)
    duplicates = find_duplicates(
        image_id,
        manifest["label"].to_numpy(),
        DecodedPixels(workspace.column("images", "image_bytes", of=image_id), resized_to=side),
        picture_features(workspace.arrays("features", of=image_id)),
        bytes_sha256=manifest["bytes_sha256"].to_numpy(),
        **params.duplicates.model_dump(),
    )
    counts = count_duplicates(duplicates)
    workspace.write("duplicates", duplicates)
    workspace.write("metrics", counts, stage="duplicates")
    return f"copies of other images: {counts['copies']}, in groups: {counts['groups']}"


if __name__ == "__main__":
    stage.run("find_duplicates", main)
