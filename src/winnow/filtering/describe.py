"""Features of a dataset, by whatever model is named, and of some of its images lightly changed."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from winnow import tables
from winnow.data.archive import Archive
from winnow.encoders.fitted.networks import TrainedSettings
from winnow.encoders.normalise import l2_normalised
from winnow.extraction.encoders import encoder_features
from winnow.extraction.extract import Encode, ImagesFrom, extract, layer_features
from winnow.extraction.loading import keywords, load_model
from winnow.extraction.ready import read_features
from winnow.extraction.trained import learned_labels, trained_features, trained_settings
from winnow.filtering.calibration import chosen_for_change
from winnow.filtering.copies import unit_mean
from winnow.filtering.items import pictures
from winnow.filtering.light_changes import lightly_changed
from winnow.params.model_string import parse
from winnow.progress import progress

_ENCODER_SIZE = 224
_ROWS = 4096
_LOST = 1e-4  # of the variance of features, an error of a hundredth of their spread


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
    """Write the features of all images into a file, as float16, or as float32 where they are at hand and lose much.

    Args:
        archive: that holds the images.
        items: of all readable images, sorted by `image_id`.
        file: for the features, .npy.
        model, weights, arguments, input_size, trust: of `winnow.extraction.loading.load_model`.
        layer, pool: of `winnow.extraction.extract.layer_features`.
        batch_size: images of a forward pass.
        changed_images: how many filtered images are lightly changed.
        seed: of their choice and their changes.
        scratch: for what a killed run goes on with, and what `winnow.filtering.items.pictures` unpacks.

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
        _save(file, features)
        width = features.shape[1]
        none = {"image_id": np.zeros(0, dtype="<U1"), "features": np.zeros((0, width), dtype=np.float32)}
        return {"model": model, "features": width}, none
    chosen = [filtered[place] for place in chosen_for_change(len(filtered), most=changed_images, seed=seed)]
    if (kind, rest) == ("encoder", "trained"):
        trained = trained_settings(keywords(arguments), input_size=input_size)
        features, settings = _by_trained(archive, items, chosen, trained, seed=seed, scratch=scratch)
        _save(file, features[: len(ids)])
        width = features.shape[1]
        return {**settings, "features": width}, {"image_id": np.array(chosen), "features": features[len(ids) :]}
    encode, settings = _encode(kind, rest, model, weights, keywords(arguments), layer, pool, input_size, trust)
    digests = items.set_index("image_id")["bytes_sha256"]

    def write(names: list[str], images_from: ImagesFrom, to: Path, **more: Any) -> None:
        of_bytes = hashlib.sha256("".join(digests[names]).encode()).hexdigest()
        extract(encode, names, images_from, to, settings={**settings, "bytes": of_bytes, **more}, batch_size=batch_size)

    unfinished = scratch / "features.npy"
    write(ids, lambda start: pictures(archive, ids[start:], scratch=scratch), unfinished)
    changed = scratch / "changed.npy"
    write(chosen, lambda start: _changed(archive, chosen, start, seed, scratch), changed, seed=seed)
    unfinished.replace(file)
    found = {"image_id": np.array(chosen), "features": tables.map_array(changed).astype(np.float32)}
    return {**settings, "features": int(found["features"].shape[1])}, found


def description(images: int, model: str, decided: Mapping[str, Any]) -> str:
    """What `describe` wrote, in words: of how many images, by which model, and the layer where it has one to choose.

    Args:
        images: how many.
        model: as for `describe`.
        decided: the features, as `describe` tells.
    """
    layer = f", {decided['layer']}" if "layer" in decided else ""
    return f"{images:,} images, {decided['features']:,} features of {model}{layer}"


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


def _by_trained(
    archive: Archive, items: pd.DataFrame, chosen: list[str], settings: TrainedSettings, *, seed: int, scratch: Path
) -> tuple[np.ndarray, dict[str, Any]]:
    """(N + M, D) float32 of all images and of those that are lightly changed, and what decided them."""
    ids = items["image_id"].tolist()
    labels = learned_labels(items["label"].to_numpy(dtype=str), items["is_filtered"].to_numpy(dtype=bool))
    size = settings.input_size
    scratch.mkdir(parents=True, exist_ok=True)
    count = len(ids) + len(chosen)
    pixels = tables.new_array_map(scratch / "pixels.npy", (count, size, size, 3), np.uint8)
    images = chain(pictures(archive, ids, scratch=scratch), _changed(archive, chosen, 0, seed, scratch))
    with progress("read", count) as report:
        for place, (_, image) in enumerate(images):
            pixels[place] = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
            report(1)
    place_of = pd.Series(np.arange(len(ids)), index=ids)
    copy_of = np.concatenate([np.arange(len(ids)), place_of[chosen].to_numpy()])
    labels = np.concatenate([labels, np.full(len(chosen), -1)])
    return trained_features(pixels, labels, copy_of, settings, scratch=scratch)


def _changed(
    archive: Archive, names: list[str], start: int, seed: int, scratch: Path
) -> Iterator[tuple[str, Image.Image]]:
    """The same change of an image whatever `start`, where a run goes on."""
    for place, (name, image) in enumerate(pictures(archive, names[start:], scratch=scratch), start):
        yield name, lightly_changed(image, np.random.default_rng([seed, place]))


def _save(file: Path, features: np.ndarray) -> None:
    with tables.replacing(file) as temporary, temporary.open("wb") as stream:
        np.save(stream, _halved(features))


def _halved(features: np.ndarray) -> np.ndarray:
    """(N, D) float32 features as float16, or as they are if that moves them by over a hundredth of their spread."""
    with np.errstate(over="ignore"):
        halves = features.astype(np.float16)
    if not np.isfinite(halves).all():
        return features
    every = np.arange(len(features))
    mean, mean_of_halves = unit_mean(features, every), unit_mean(halves, every)
    spread = lost = 0.0
    for start in range(0, len(features), _ROWS):
        rows = slice(start, start + _ROWS)
        exact = l2_normalised(features[rows]) - mean
        rounded = l2_normalised(halves[rows].astype(np.float32)) - mean_of_halves
        spread += float(np.square(exact).sum())
        lost += float(np.square(rounded - exact).sum())
    return halves if lost <= _LOST * spread else features
