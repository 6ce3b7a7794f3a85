"""A pretrained network that is to learn on: what those who load weights hand to those who train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Backbone:
    """A pretrained network without its classifier.

    Attributes:
        network: (B, 3, S, S) float32 normalised images to (B, D) float32 features; in evaluation mode.
        dimensions: D.
        layers: names of the network's parameters by layer, from the image on; of each in its own order.
        mean, std: per channel: the network sees (pixels / 255 - mean) / std.
        fingerprint: all that decides the network (model, weights' sha256); JSON values only.
    """

    network: nn.Module
    dimensions: int
    layers: Sequence[Sequence[str]]
    mean: Sequence[float]
    std: Sequence[float]
    fingerprint: Mapping[str, Any]
