"""Turn every image into a feature vector with the chosen encoder."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from winnow import stage, tables
from winnow.data.decode import decode_pixels
from winnow.device import best_device
from winnow.encoders.fitted.trained import fit_trained_encoder
from winnow.encoders.frozen.embedding import embed_images
from winnow.encoders.load import load_encoder

SCRATCH = Path(".winnow/scratch/embed")


def main(params) -> str:
    options = params.embed
    manifest = tables.read_parquet("data/interim/manifest.parquet", ["image_id", "label"])
    class_names = tables.read_json("data/interim/classes.json")
    pixels = read_pixels(manifest["image_id"].to_numpy())
    device = best_device()
    zero_shot, no_zero_shot = None, ""
    if options.encoder == "trained":
        trained = fit_trained_encoder(
            pixels,
            manifest["label"].to_numpy(),
            num_classes=len(class_names),
            flip=options.flip,
            device=device,
            scratch=SCRATCH,
            **options.trained.model_dump(),
        )
        features, fingerprint = trained.features, trained.fingerprint
    else:
        settings = getattr(options, options.encoder).model_dump()
        encoder = load_encoder(options.encoder, settings, class_names=class_names, device=device)
        features, zero_shot = embed_images(
            encoder, pixels, batch_size=options.batch_size, flip=options.flip, scratch=SCRATCH
        )
        fingerprint, no_zero_shot = {**encoder.fingerprint, "flip": options.flip}, encoder.no_zero_shot
    tables.write_arrays(
        "data/interim/features.npz",
        image_id=manifest["image_id"].to_numpy(dtype=str),
        features=features,
        encoder=np.array(json.dumps(fingerprint, sort_keys=True)),
        **({} if zero_shot is None else zero_shot.arrays()),
    )
    shutil.rmtree(SCRATCH, ignore_errors=True)
    why = f"; no zero-shot: {no_zero_shot}" if no_zero_shot else ""
    return f"{len(features)} images, {features.shape[1]} features each, by {options.encoder} on {device}{why}"


def read_pixels(image_id: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) uint8 of the packed images, in the order of `image_id`."""
    packed = tables.read_parquet("data/interim/images.parquet")
    rows = tables.align(image_id, packed["image_id"].to_numpy(), "data/interim/images.parquet")
    image_bytes = packed["image_bytes"].to_numpy()[rows]
    image_size = Image.open(io.BytesIO(image_bytes[0])).width  # the manifest holds squares of one size
    return decode_pixels(image_bytes, image_size=image_size)


if __name__ == "__main__":
    stage.run("embed", main)
