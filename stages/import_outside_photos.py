"""Crop the photos from outside the dataset and compare them with it; people choose among them later."""

from pathlib import Path

import numpy as np
import pandas as pd

from winnow import stage, tables
from winnow.curation.outside import check_outside, no_photos, read_outside
from winnow.data.archive import open_archive
from winnow.data.decode import decode_pixels

NO_DATA = Path("data/none")
OUT, REJECTED = "data/interim/outside.parquet", "data/interim/outside-rejected.csv"


def main(params) -> str:
    source = params.data.outside_photos
    class_names = tables.read_json("data/interim/classes.json")
    photos, rejected = no_photos(), pd.DataFrame(columns=["photo", "reason", "detail"])
    if Path(source) != NO_DATA:
        size = params.data.image_size
        with open_archive(source, max_unpacked_bytes=params.data.max_unpacked_gb * 2**30) as archive:
            photos, whole, rejected = read_outside(archive, class_names=class_names, image_size=size)
        photos = compared(photos, whole, class_names, size, params) if len(photos) else no_photos()
    tables.write_parquet(photos, OUT)
    tables.write_csv(rejected, REJECTED)
    if Path(source) == NO_DATA:
        return "no photos from outside"
    return (
        f"{len(photos)} photos ({len(rejected)} rejected); the encoder disagrees with the class of "
        f"{(~photos['encoder_agrees']).sum()}; {(photos['counterparts'] != '').sum()} nearly equal an image of the "
        "dataset"
    )


def compared(photos: pd.DataFrame, whole: np.ndarray, class_names: list[str], size: int, params) -> pd.DataFrame:
    manifest = tables.read_parquet("data/interim/manifest.parquet", ["image_id", "label"])
    image_id, labels = manifest["image_id"].to_numpy(), manifest["label"].to_numpy()
    images = tables.read_parquet("data/interim/images.parquet")
    rows = tables.align(image_id, images["image_id"].to_numpy(), "data/interim/images.parquet")
    dataset = decode_pixels(images["image_bytes"].to_numpy()[rows], image_size=size)
    issues = tables.read_parquet("data/interim/label_issues.parquet", ["image_id", "is_label_issue"])
    rows = tables.align(image_id, issues["image_id"].to_numpy(), "data/interim/label_issues.parquet")
    trusted = ~issues["is_label_issue"].to_numpy(dtype=bool)[rows]
    pixels = decode_pixels(photos["image_bytes"].to_list(), image_size=size)
    predict = by_trained if params.embed.encoder == "trained" else by_probe
    pred_probs = predict(pixels, photos["label"].to_numpy(), dataset, image_id, labels, trusted, class_names, params)
    return check_outside(photos, pixels, whole, pred_probs=pred_probs, image_id=image_id, dataset=dataset)


def by_trained(pixels, claimed, dataset, image_id, labels, trusted, class_names: list[str], params) -> np.ndarray:
    """(M, K) what a network sees in the photos that was trained on the images that no detector doubts."""
    from winnow.device import best_device
    from winnow.encoders.fitted.trained import predict_others

    return predict_others(
        dataset[trusted],
        labels[trusted],
        pixels,
        num_classes=len(class_names),
        flip=params.embed.flip,
        device=best_device(),
        **params.embed.trained.model_dump(exclude={"folds"}),
    )


def by_probe(pixels, claimed, dataset, image_id, labels, trusted, class_names: list[str], params) -> np.ndarray:
    """(M, K) what a probe on the features sees in the photos, fitted on the images that no detector doubts."""
    from winnow.device import best_device
    from winnow.encoders.frozen.embedding import embed_images
    from winnow.encoders.load import load_encoder
    from winnow.learn.probe import crossval_pred_probs

    options = params.embed
    settings = options.model_dump()[options.encoder]
    encoder = load_encoder(options.encoder, settings, class_names=class_names, device=best_device())
    own, _ = embed_images(encoder, pixels, batch_size=options.batch_size, flip=options.flip)
    arrays = tables.read_arrays("data/interim/features.npz")
    features = arrays["features"][tables.align(image_id, arrays["image_id"], "data/interim/features.npz")]
    # The photos are one fold, so that the model that predicts them has seen the dataset alone.
    fold = np.repeat([0, 1], [int(trusted.sum()), len(own)])
    l2 = sorted(params.crossval.l2_candidates)[len(params.crossval.l2_candidates) // 2]
    result = crossval_pred_probs(
        np.concatenate([features[trusted], own]),
        np.concatenate([labels[trusted], claimed]),
        fold,
        num_classes=len(class_names),
        l2_candidates=[l2],
    )
    return result.pred_probs[fold == 1]


if __name__ == "__main__":
    stage.run("import_outside_photos", main)
