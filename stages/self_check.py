"""Plant known faults into a copy of the data, run the detectors on it, and report what they find; off by default."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from winnow import stage, tables
from winnow.selfcheck.columns import COLUMNS

SCRATCH = Path(".winnow/scratch/self_check")
FEATURES, PRED_PROBS, IMAGES = (f"data/interim/{name}" for name in ("features.npz", "pred_probs.npz", "images.parquet"))
WORDS = (("label", "label flips"), ("ood", "foreign pictures"), ("duplicate", "copies"))


def main(params) -> str:
    if not params.self_check.enabled:
        tables.write_json("metrics/self_check.json", {"enabled": False})
        tables.write_csv(pd.DataFrame(columns=list(COLUMNS)), "metrics/self_check.csv")
        return "off; self_check.enabled in params.yaml turns it on"
    return check(params)


def check(params) -> str:
    # These take seconds to import, which a check that is off is not to cost.
    from winnow.curation.decide import Thresholds
    from winnow.data.decode import decode_pixels
    from winnow.selfcheck.plant import believed_clean, plant_faults
    from winnow.selfcheck.report import fates, report, summary
    from winnow.selfcheck.rerun import rerun_detectors

    class_names = tables.read_json("data/interim/classes.json")
    decisions = tables.read_parquet("data/interim/decisions.parquet")
    image_id = decisions["image_id"].to_numpy().astype(str)
    images = tables.read_parquet(IMAGES)
    image_bytes = images["image_bytes"].to_numpy()[tables.align(image_id, images["image_id"], IMAGES)]
    pixels = decode_pixels(image_bytes, image_size=params.data.image_size)
    probe = tables.read_arrays(PRED_PROBS)
    clean = believed_clean(decisions)
    planted = plant_faults(
        image_id,
        decisions["label"].to_numpy(),
        pixels,
        probe["pred_probs"][tables.align(image_id, probe["image_id"], PRED_PROBS)],
        clean,
        **params.self_check.model_dump(exclude={"enabled"}),
    )
    labels = planted.images["label"].to_numpy()
    pixels = np.concatenate([pixels, planted.new_pixels])
    features, zero_shot = embed(params.embed, class_names, image_id, pixels, labels)
    decided = rerun_detectors(
        planted.images["image_id"].to_numpy(),
        labels,
        pixels,
        features,
        zero_shot.get("zero_shot_pred_probs"),
        zero_shot.get("in_class_probability"),
        class_names=class_names,
        duplicates=params.duplicates.model_dump(),
        crossval=params.crossval.model_dump(),
        label_issues=params.label_issues.model_dump(),
        ood=params.ood.model_dump(),
        thresholds=Thresholds(**params.curate.model_dump()),
    )
    table = report(decided, planted.images, class_names=class_names)
    figures = summary(table)
    figures["label"]["fates"] = fates(decided, planted.images)
    facts = {
        "enabled": True,
        "images": len(image_id),
        "believed_clean": int(clean.sum()),
        "encoder_trained_again": params.embed.encoder == "trained",
    }
    tables.write_json("metrics/self_check.json", {**facts, **tables.records(figures)})
    tables.write_csv(table, "metrics/self_check.csv")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    said = [f"{figures[fault]['found']} of {figures[fault]['planted']} planted {words}" for fault, words in WORDS]
    return "found " + ", ".join(said)


def embed(
    options, class_names: list[str], image_id: np.ndarray, pixels: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Features of the originals, which `image_id` names, and what follows them; and what else `features.npz` holds.

    A frozen encoder embeds the planted images alone. The `trained` one learned from the labels, and its networks are
    not kept: it is trained again on the data as planted, as it would have been had the faults come with it.
    """
    from winnow.device import best_device
    from winnow.encoders.fitted.trained import fit_trained_encoder
    from winnow.encoders.frozen.embedding import embed_images
    from winnow.encoders.load import load_encoder

    device, settings = best_device(), getattr(options, options.encoder).model_dump()
    common = {"flip": options.flip, "scratch": SCRATCH}
    if options.encoder == "trained":
        trained = fit_trained_encoder(pixels, labels, num_classes=len(class_names), device=device, **common, **settings)
        return trained.features, {}
    encoder = load_encoder(options.encoder, settings, class_names=class_names, device=device)
    features, zero_shot = embed_images(encoder, pixels[len(image_id) :], batch_size=options.batch_size, **common)
    stored = tables.read_arrays(FEATURES)
    rows = tables.align(image_id, stored["image_id"], FEATURES)
    new = {"features": features, **({} if zero_shot is None else zero_shot.arrays())}
    both = {name: np.concatenate([stored[name][rows], array]) for name, array in new.items()}
    return both.pop("features"), both


if __name__ == "__main__":
    stage.run("self_check", main)
