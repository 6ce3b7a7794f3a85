"""Crop external photos and compare them with the dataset; people choose among them later."""

from winnow import stage
from winnow.curation.external import compare_photos, import_summary, no_photos, no_rejected, read_external
from winnow.data.archive import open_archive
from winnow.data.pixels import DecodedPixels, resized_to
from winnow.encoders.base import Embedding
from winnow.encoders.registry import load_encoder
from winnow.files import given
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, source = Workspace(), params.data.outside_photos
    photos, rejected = no_photos(), no_rejected()
    if given(source):
        class_names, side = workspace.class_names, resized_to(params.data.image_size, params.data.train_size)
        size = side or params.data.image_size
        with open_archive(source, max_unpacked_bytes=params.data.max_unpacked_gb * 2**30) as archive:
            read, whole, rejected = read_external(archive, class_names=class_names, image_size=size)
        image_id = workspace.table("manifest", ["image_id"])["image_id"].to_numpy()
        trusted = image_id[~workspace.table("label_issues", of=image_id)["is_label_issue"].to_numpy()]
        photos = compare_photos(
            read,
            whole,
            load_encoder(params.embed.model_dump(), class_names=class_names),
            image_id=image_id,
            pixels=DecodedPixels(workspace.column("images", "image_bytes", of=image_id), resized_to=side),
            trusted_pixels=DecodedPixels(workspace.column("images", "image_bytes", of=trusted), resized_to=side),
            trusted_labels=workspace.table("manifest", ["label"], of=trusted)["label"].to_numpy(),
            trusted_embedding=Embedding.from_arrays(workspace.arrays("features", of=trusted)),
            l2_candidates=params.crossval.l2_candidates,
        )
    workspace.write("outside", photos)
    workspace.write("outside_rejected", rejected)
    return import_summary(photos, rejected)


if __name__ == "__main__":
    stage.run("import_outside_photos", main)
