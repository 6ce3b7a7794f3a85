"""Features of a dataset, by whatever model is named, and of some of its images lightly changed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from winnow import tables
from winnow.data.archive import Archive
from winnow.extraction.encoders import encoder_features
from winnow.extraction.extract import Encode, extract, layer_features
from winnow.extraction.loading import keywords, load_model, parse
from winnow.extraction.ready import read_features
from winnow.filtering.calibration import chosen_for_change
from winnow.filtering.items import pictures
from winnow.filtering.light_changes import lightly_changed

_ENCODER_SIZE = 224


def describe(
    archive: Archive,
    items: pd.DataFrame,
    file: Path,
    *,
    model: str,
    weights: str | None,
    arguments: Sequence[str],
    layer: str,
    pool: str,
    input_size: int | None,
    batch_size: int,
    trust: bool,
    changed_images: int,
    seed: int,
    scratch: Path,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Write the features of all images into a file.

    Args:
        archive: that holds the images.
        items: of all readable images, sorted by `image_id`.
        file: for the features, .npy.
        model, weights, arguments, input_size, trust: of `winnow.extraction.loading.load_model`.
        layer, pool: of `winnow.extraction.extract.layer_features`.
        batch_size: images of a forward pass.
        changed_images: how many filtered images are lightly changed.
        seed: of their choice and their changes.
        scratch: for what a killed run goes on with.

    Returns:
        What decided the features, and `image_id` and `features` of the changed images; none where the features came
        ready.

    Raises:
        WinnowError: as those functions do.
    """
    ids = items["image_id"].tolist()
    filtered = items.loc[items["is_filtered"], "image_id"].tolist()
    kind, rest = parse(model)
    if kind == "features":
        features = read_features(rest, items["image_id"].to_numpy())
        with tables.replacing(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, features.astype(np.float16))
        width = features.shape[1]
        none = {"image_id": np.zeros(0, dtype="<U1"), "features": np.zeros((0, width), dtype=np.float32)}
        return {"model": model, "features": width}, none
    encode, settings = _encode(kind, rest, model, weights, keywords(arguments), layer, pool, input_size, trust)
    options: dict[str, Any] = {"settings": settings, "batch_size": batch_size}
    unfinished = scratch / "features.npy"
    extract(encode, ids, lambda start: pictures(archive, ids[start:]), unfinished, **options)
    chosen = [filtered[place] for place in chosen_for_change(len(filtered), most=changed_images, seed=seed)]
    changed = scratch / "changed.npy"
    extract(encode, chosen, lambda start: _changed(archive, chosen, start, seed), changed, **options)
    unfinished.replace(file)
    found = {"image_id": np.array(chosen), "features": tables.map_array(changed).astype(np.float32)}
    return {**settings, "features": int(found["features"].shape[1])}, found


def _encode(
    kind: str,
    rest: str,
    model: str,
    weights: str | None,
    arguments: Mapping[str, Any],
    layer: str,
    pool: str,
    input_size: int | None,
    trust: bool,
) -> tuple[Encode, dict[str, Any]]:
    if kind == "encoder":
        encode, fingerprint = encoder_features(rest, arguments=arguments, image_size=input_size or _ENCODER_SIZE)
        return encode, fingerprint
    loaded = load_model(model, weights=weights, arguments=arguments, input_size=input_size, trust=trust)
    return layer_features(loaded, layer=layer, pool=pool), {**loaded.fingerprint, "layer": layer, "pool": pool}


def _changed(archive: Archive, names: list[str], start: int, seed: int) -> Iterator[tuple[str, Image.Image]]:
    """The same change of an image whatever `start`, where a run goes on."""
    for place, (name, image) in enumerate(pictures(archive, names[start:]), start):
        yield name, lightly_changed(image, np.random.default_rng([seed, place]))
