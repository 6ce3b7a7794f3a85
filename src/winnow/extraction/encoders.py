"""Encoders of winnow's own as a source of features."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from winnow.device import best_device, exact_arithmetic
from winnow.encoders.frozen.network import FrozenNetwork
from winnow.errors import WinnowError
from winnow.extraction.extract import Encode

FROZEN = ("timm", "open_clip", "plain")


def encoder_features(name: str, *, arguments: Mapping[str, Any], image_size: int) -> tuple[Encode, dict[str, Any]]:
    """A function from images to the features of a frozen encoder, and its fingerprint.

    Args:
        name: of `FROZEN`.
        arguments: as in that encoder's section of the main pipeline's params (docs/params.md), `class_names` aside;
            `plain` needs none and takes images of `image_size`, or of the next smaller multiple of eight.
        image_size: side of the square that images are resized to before the encoder resizes them to its own.

    Raises:
        WinnowError: if the encoder is unknown or fitted on data, or its weights cannot be had.
    """
    if name not in FROZEN:
        raise WinnowError(
            f"the encoder {name!r} is none of {', '.join(FROZEN)}; one fitted on the dataset itself is trained, which "
            "pipelines/filter takes, or finetuned, which gives its features in the main pipeline: name them with "
            "features:<its features.npz>."
        )
    own = {"input_size": image_size // 8 * 8} if name == "plain" else {}
    network = _network(name, {**own, **arguments}, best_device())

    def encode(images: list[Image.Image]) -> np.ndarray:
        size = (image_size, image_size)
        pixels = np.stack([np.array(image.resize(size, Image.Resampling.BICUBIC)) for image in images])
        with torch.inference_mode(), exact_arithmetic():
            return network.encode(pixels).float().cpu().numpy()

    return encode, {**network.fingerprint, "image_size": image_size}


def _network(name: str, arguments: dict[str, Any], device: torch.device) -> FrozenNetwork:
    try:
        if name == "timm":
            from winnow.encoders.frozen.timm import load_timm

            optional = {"checkpoint": None, "pad_type": None}
            return load_timm(class_names=[], device=device, **(optional | arguments))
        if name == "plain":
            from winnow.encoders.frozen.plain import load_plain

            return load_plain(device=device, **arguments)
        from winnow.encoders.frozen.open_clip import load_open_clip

        return load_open_clip(class_names=["image"], negatives=[], prompts=["{}"], device=device, **arguments)
    except TypeError as error:
        raise WinnowError(f"encoder:{name} does not take these arguments ({error}); see docs/params.md.") from None
