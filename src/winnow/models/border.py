"""The level of an image's border, for what comes into view when a stroke on plain ground is moved."""

import torch
from torch import Tensor
from torch.nn import functional


def border_level(images: Tensor) -> Tensor:
    """(B, C, 1, 1): the median of the outermost pixels of each channel of (B, C, H, W) images."""
    sides = (images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1])
    level: Tensor = torch.cat(sides, dim=2).median(dim=2).values
    return level[:, :, None, None]


def sampled_on_border(images: Tensor, grid: Tensor) -> Tensor:
    """(B, C, H, W) images, each pixel from where the grid (B, H, W, 2) says, the border's level from outside."""
    level = border_level(images)
    return functional.grid_sample(images - level, grid, padding_mode="zeros", align_corners=False) + level
