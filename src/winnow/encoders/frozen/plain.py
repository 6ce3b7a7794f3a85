"""Colours and edges on a coarse grid: features that need neither weights nor labels.

They tell pictures apart by how they look, and know nothing of what they show: enough for copies, for odd pictures and
for a map, too little for labels.
"""

import numpy as np
import torch
from torch.nn import functional

from winnow.encoders.frozen.network import FrozenNetwork
from winnow.encoders.preprocess import resize

_COLOURS, _EDGES, _BINS = 8, 4, 8  # cells a side of both grids, directions of edges
_NOISE = 0.02  # contrast, of [0, 1], that is no edge yet


def load_plain(*, input_size: int, device: torch.device) -> FrozenNetwork:
    """The encoder; images are resized to `input_size` first, a multiple of eight."""

    def encode(pixels: np.ndarray) -> torch.Tensor:
        return plain_features(resize(pixels, input_size=input_size, device=device).float() / 255)

    why = "the encoder plain knows no words"
    return FrozenNetwork("plain", {"encoder": "plain", "input_size": input_size}, input_size, encode, no_zero_shot=why)


def plain_features(images: torch.Tensor) -> torch.Tensor:
    """Mean colours of 8 x 8 cells and histograms of edge directions of 4 x 4 cells, each part of length 1 or less.

    Args:
        images: (B, 3, S, S) float32 in [0, 1].

    Returns:
        (B, 320) float32: 192 colours, from mid-grey, and 128 of edges.

    Source: Dalal and Triggs 2005 (histograms of oriented gradients), without their overlapping blocks.
    """
    colours = functional.adaptive_avg_pool2d(images - 0.5, _COLOURS).flatten(1)
    grey = functional.pad(images.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = grey[:, :, 1:-1, 2:] - grey[:, :, 1:-1, :-2]
    down = grey[:, :, 2:, 1:-1] - grey[:, :, :-2, 1:-1]
    strength = torch.hypot(across, down)
    angle = torch.atan2(down, across) % torch.pi  # a dark line on light and a light one on dark are alike
    bins = (angle / torch.pi * _BINS).long().clamp_(max=_BINS - 1)
    by_direction = torch.zeros(len(images), _BINS, *strength.shape[2:], device=images.device)
    by_direction.scatter_(1, bins, (strength - _NOISE).clamp_(min=0))
    edges = functional.adaptive_avg_pool2d(by_direction, _EDGES).flatten(1).sqrt()
    return torch.hstack([_at_most_one(colours), _at_most_one(edges)])


def _at_most_one(part: torch.Tensor) -> torch.Tensor:
    length: torch.Tensor = torch.linalg.vector_norm(part, dim=1, keepdim=True)
    return part / length.clamp(min=1)
