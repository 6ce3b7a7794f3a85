"""What the loaders of frozen encoders give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from winnow.encoders.zero_shot import ZeroShot


@dataclass(frozen=True)
class FrozenNetwork:
    """A frozen network that turns images into feature vectors.

    Attributes:
        name: as in params.yaml: `open_clip`, `timm`, or a variant's.
        fingerprint: all that decides the features (model, weights' sha256, preprocessing); JSON values only.
        input_size: the largest side that `encode` resizes images to.
        encode: (B, H, W, 3) uint8 pixels to (B, D) float32 features, not yet normalised, on the encoder's device.
        zero_shot: (N, D) float32 features as `encode` gave them, not normalised, to class probabilities; None where the
            network has no text encoder or labels for the classes.
        no_zero_shot: why `zero_shot` is None, in a few words.
    """

    name: str
    fingerprint: Mapping[str, Any]
    input_size: int
    encode: Callable[[np.ndarray], torch.Tensor]
    zero_shot: Callable[[np.ndarray], ZeroShot] | None = None
    no_zero_shot: str = ""
