"""Turn every image into a feature vector with the chosen encoder."""

from winnow import stage
from winnow.data.pixels import DecodedPixels, resized_to
from winnow.encoders.registry import load_encoder
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    manifest = workspace.table("manifest", ["image_id", "label"])
    image_id = manifest["image_id"].to_numpy()
    side = resized_to(params.data.image_size, params.data.train_size)
    encoder = load_encoder(params.embed.model_dump(), class_names=workspace.class_names)
    embedding = encoder.embed_dataset(
        DecodedPixels(workspace.column("images", "image_bytes", of=image_id), resized_to=side),
        manifest["label"].to_numpy(),
        scratch=workspace.scratch("embed"),
    )
    workspace.write("features", {"image_id": image_id.astype(str), **embedding.arrays()})
    workspace.write("embedding", embedding.metrics)
    workspace.remove_scratch("embed")
    why = f"; no zero-shot: {embedding.no_zero_shot}" if embedding.no_zero_shot and workspace.class_names else ""
    choice = f"; {embedding.choice}" if embedding.choice else ""
    images, dimensions = embedding.features.shape
    return f"{images} images, {dimensions} features each, by {encoder.name}{choice}{why}"


if __name__ == "__main__":
    stage.run("embed", main)
