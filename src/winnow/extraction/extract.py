"""Features of many images, written batch by batch into a file that a killed run goes on with."""

import glob
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from winnow import tables
from winnow.checkpoint import fingerprint
from winnow.device import best_device, exact_arithmetic
from winnow.errors import WinnowError
from winnow.extraction.model import Model
from winnow.extraction.pooling import pooled
from winnow.extraction.taps import tap
from winnow.progress import progress

Encode = Callable[[list[Image.Image]], np.ndarray]
ImagesFrom = Callable[[int], Iterable[tuple[str, Image.Image]]]


def layer_features(model: Model, *, layer: str, pool: str) -> Encode:
    """A function from images to the (B, D) float32 features of a layer.

    A detector sees one image at a time: torchvision pads a batch to its largest image, and padding would be pooled.

    Args:
        model: a network.
        layer: a dotted name or `auto`, see `winnow.extraction.taps`.
        pool: see `winnow.extraction.pooling`.
    """
    model.network.to(best_device())

    def encode(images: list[Image.Image]) -> np.ndarray:
        with tap(model.network, layer) as calls, exact_arithmetic():
            model.run([model.prepare(image) for image in images])
            return pooled(calls, images=len(images), pool=pool, layer=layer).numpy()

    def encode_each(images: list[Image.Image]) -> np.ndarray:
        return np.concatenate([encode([image]) for image in images])

    return encode_each if model.takes_list else encode


def extract(
    encode: Encode,
    image_ids: Sequence[str],
    images_from: ImagesFrom,
    file: Path,
    *,
    settings: Mapping[str, Any],
    batch_size: int,
) -> None:
    """Write the features of all images into an .npy file of float16.

    Finished rows lie beside `file` under a digest of the settings and the ids until all are done; a run after a kill
    takes them up. A small file of that digest stays, by which a later call knows `file` as done. The memory needed is
    that of a batch.

    Args:
        encode: of `layer_features`, or any function like it.
        image_ids: (N,) unique, the rows of the file in this order.
        images_from: a row to the images from there on, each with its id, in the same order.
        file: to write.
        settings: all that decides the features, a digest of the images' bytes too; JSON values.
        batch_size: images of a forward pass.

    Raises:
        WinnowError: if features are too large for float16, or not finite.
    """
    ids = hashlib.sha256("\n".join(image_ids).encode()).hexdigest()
    key = fingerprint({**settings, "ids": ids, "batch_size": batch_size, "torch": torch.__version__}, {})
    part, state = file.with_name(f".{file.name}.{key}.part"), file.with_name(f".{file.name}.{key}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    stored: np.memmap[Any, np.dtype[Any]] | None = None
    if state.exists() and (part.exists() or file.exists()):
        done = int(tables.read_json(state)["done"])
    if done == len(image_ids) and file.exists() and not part.exists():
        return  # a run that was killed later on
    if part.exists() and done:
        stored = np.lib.format.open_memmap(part, mode="r+")
    else:
        done = 0
    remaining = iter(images_from(done))
    with progress("extract", len(image_ids), done=done) as report:
        while batch := list(islice(remaining, batch_size)):
            features = encode([image for _, image in batch])
            _check(features, batch[0][0])
            if stored is None:
                shape = (len(image_ids), features.shape[1])
                stored = tables.new_array_map(part, shape, np.float16)
            if [name for name, _ in batch] != list(image_ids[done : done + len(batch)]):
                raise ValueError("images and ids are not in the same order")
            stored[done : done + len(batch)] = features
            stored.flush()
            done += len(batch)
            tables.write_json(state, {"done": done})
            report(len(batch))
    if done != len(image_ids) or stored is None:
        raise WinnowError(f"{file} needs {len(image_ids)} images, and {done} came; check that the dataset is whole.")
    del stored
    for other in set(file.parent.glob(f".{glob.escape(file.name)}.*.json")) - {state}:
        other.unlink()  # of other settings, which `file` is not of from now on
    part.replace(file)


def _check(features: np.ndarray, image_id: str) -> None:
    if not np.isfinite(features).all():
        raise WinnowError(f"the features of {image_id}, or of one after it, are not finite; choose another layer.")
    if len(features) and np.abs(features).max() > np.finfo(np.float16).max:
        raise WinnowError(
            f"the features of {image_id}, or of one after it, reach {np.abs(features).max():g}, more than half "
            "precision holds (65,504); choose another layer."
        )
