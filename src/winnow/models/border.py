"""The level of an image's border, for what comes into view when a stroke on plain ground is moved."""

import torch
from torch import Tensor


def border_level(images: Tensor) -> Tensor:
    """(B, C, 1, 1): the median of the outermost pixels of each channel of (B, C, H, W) images."""
    sides = (images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1])
    level: Tensor = torch.cat(sides, dim=2).median(dim=2).values
    return level[:, :, None, None]
