"""How images are varied while a network learns from them: drawn anew in each step, for every image on its own."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random shifts, mirror images, zooms and colours. What is 0 or False draws no random numbers.

    Attributes:
        shift: how far an image is moved each way at most, as a share of its side, at least by a pixel; [0, 1). Edge
            pixels fill the gap.
        mirror: whether every second image is mirrored.
        zoom: how much larger or smaller an image becomes at most, as a share; [0, 1). Edge pixels fill the gap.
        color: how much brightness (in standard deviations), contrast and saturation change at most, as shares; [0, 1).
    """

    shift: float
    mirror: bool
    zoom: float
    color: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 3, S, S) of (B, 3, S, S) normalised images, on the same device; `generator` is one of the CPU."""
        if self.shift:
            images = shifted(images, generator, share=self.shift)
        if self.mirror:
            images = mirrored(images, generator)
        if self.zoom:
            images = zoomed(images, generator, share=self.zoom)
        if self.color:
            images = recolored(images, generator, share=self.color)
        return images


def shifted(images: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """Each image shifted by its own random number of pixels; edge pixels fill the gap."""
    count, _, height, width = images.shape
    reach = max(1, round(width * share))
    offset = torch.randint(-reach, reach + 1, (2, count, 1), generator=generator).to(images.device)
    row = (torch.arange(height, device=images.device) + offset[0]).clamp(0, height - 1)  # (B, H)
    column = (torch.arange(width, device=images.device) + offset[1]).clamp(0, width - 1)  # (B, W)
    image = torch.arange(count, device=images.device)[:, None, None]
    return images.permute(0, 2, 3, 1)[image, row[:, :, None], column[:, None, :]].permute(0, 3, 1, 2)


def mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    """Every image mirrored, left for right, with an even chance."""
    turned = _uniform(len(images), 0, 1, images, generator) < 0.5
    return torch.where(turned, images.flip(3), images)


def zoomed(images: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """Each image enlarged or shrunk about its middle, by a factor within `share` of 1."""
    factor = _uniform(len(images), 1 - share, 1 + share, images, generator)[:, :, 0]  # (B, 1, 1)
    places = torch.eye(2, 3, device=images.device) / factor  # (B, 2, 3): where each pixel comes from
    grid = functional.affine_grid(places, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def recolored(images: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """Each image with another brightness, contrast and saturation."""
    brightness = _uniform(len(images), -share, share, images, generator)
    contrast, saturation = (_uniform(len(images), 1 - share, 1 + share, images, generator) for _ in range(2))
    grey = images.mean(dim=1, keepdim=True)
    images = grey + saturation * (images - grey)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    return middle + contrast * (images - middle) + brightness


def _uniform(count: int, low: float, high: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """(count, 1, 1, 1) on the device of `like`."""
    return (low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)).to(like.device)
