"""The operations that a policy is made of, differentiable in their magnitude (Hataya et al., arXiv 1911.06987, 3.3).

An operation is called as `operation(images, magnitude, chance)`: `images` (B, 3, H, W) float32 in [0, 1], `magnitude`
(B,) in [0, 1], `chance` (B, 2) in [0, 1), from which all of its randomness comes (a sign, a place). It returns
(B, 3, H, W) in [0, 1]. Magnitude 0 leaves an image as it is; operations without a magnitude do not read it.

Colours are kornia's. Moving pixels is `grid_sample` itself, which takes a third of the time of kornia's functions on a
single image of 64 x 64 and half of it on 64 of them. Nor is kornia's stretching of the levels used: it turns a channel
of a single level black.

To add one, write a function and list it in `OPERATIONS`, and its name in `winnow.params.augmentation`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal

import numpy as np
import torch
from kornia import enhance
from torch import Tensor
from torch.nn import functional

from winnow.models.border import sampled_on_border

# How far magnitude 1 goes: AutoAugment's ranges (Cubuk et al., arXiv 1805.09501, table 6).
_SHEAR = 0.3
_TRANSLATE = 0.45  # of the side
_DEGREES = 30.0
_ENHANCE = 0.9  # factors from 0.1 to 1.9
_LOST_BITS = 4  # of 8
_CUTOUT = 0.5  # of the side
_ZOOM = 1.4
_BENT_POINTS = 5  # a side, with smooth moves between
_BENT = 0.08  # standard deviation at these points, of the side
_NOISE = 0.15  # standard deviation, of levels in [0, 1]
_NOISE_TABLE = 1021
_THICKER, _THINNER = 0.03, 0.01  # of the shorter side, on every side of a stroke: thin ones would vanish

Fill = Literal["reflect", "border"]
"""What comes into view when pixels are moved: the image's reflection, or the level of its border."""


def shear_x(images: Tensor, magnitude: Tensor, chance: Tensor, *, fill: Fill = "reflect") -> Tensor:
    height, width = images.shape[2:]
    return _warped(images, fill, xy=_SHEAR * _signed(magnitude, chance) * height / width)


def shear_y(images: Tensor, magnitude: Tensor, chance: Tensor, *, fill: Fill = "reflect") -> Tensor:
    height, width = images.shape[2:]
    return _warped(images, fill, yx=_SHEAR * _signed(magnitude, chance) * width / height)


def translate_x(images: Tensor, magnitude: Tensor, chance: Tensor, *, fill: Fill = "reflect") -> Tensor:
    return _warped(images, fill, x=2 * _TRANSLATE * _signed(magnitude, chance))


def translate_y(images: Tensor, magnitude: Tensor, chance: Tensor, *, fill: Fill = "reflect") -> Tensor:
    return _warped(images, fill, y=2 * _TRANSLATE * _signed(magnitude, chance))


def rotate(images: Tensor, magnitude: Tensor, chance: Tensor, *, fill: Fill = "reflect") -> Tensor:
    height, width = images.shape[2:]
    angle = torch.deg2rad(_DEGREES * _signed(magnitude, chance))
    cosine, sine = angle.cos(), angle.sin()
    return _warped(images, fill, xx=cosine, xy=-sine * height / width, yx=sine * width / height, yy=cosine)


def zoom(images: Tensor, magnitude: Tensor, chance: Tensor, *, fill: Fill = "reflect") -> Tensor:
    """Larger or smaller about the middle."""
    size = torch.exp(-math.log(_ZOOM) * _signed(magnitude, chance))
    return _warped(images, fill, xx=size, yy=size)


def elastic(images: Tensor, magnitude: Tensor, chance: Tensor, *, fill: Fill = "reflect") -> Tensor:
    """Bend: every pixel moves by a smooth field between normal shifts of a few points (U-Net, arXiv 1505.04597)."""
    size = _BENT_POINTS
    moves = torch.stack([_of_table(chance + shift, size, size, images.device) for shift in (0.0, 0.5)], dim=1)
    field = functional.interpolate(moves, size=images.shape[2:], mode="bicubic", align_corners=True)  # (B, 2, H, W)
    grid = functional.affine_grid(
        torch.eye(2, 3, device=images.device).expand(len(images), 2, 3), list(images.shape), align_corners=False
    )
    return _sampled(images, grid + 2 * _BENT * _per_image(magnitude) * field.permute(0, 2, 3, 1), fill)


def flip(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    return images.flip(3)


def invert(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    return 1 - images


def solarize(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Invert what is bright: from a threshold on that falls from above white to black."""
    threshold = 256 / 255 * (1 - magnitude.detach())
    inverted = 1 - images
    return _with_slope(torch.where(images < _per_image(threshold), images, inverted), images, inverted, magnitude)


def posterize(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Keep the highest 8 - 4 * magnitude bits of every 8-bit level, rounded to whole bits."""
    levels = (images.detach() * 255).round() / 255  # kornia cuts fractions of a level off
    bits = 8 - (_LOST_BITS * magnitude.detach()).round().int()
    moved = torch.where(_per_image(bits) < 8, enhance.posterize(levels, bits) - images.detach(), 0)
    return _with_slope(images + moved, images, enhance.posterize(levels, 8 - _LOST_BITS), magnitude)


def color(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Less or more saturated: away from or towards the grey image."""
    return enhance.adjust_saturation_with_gray_subtraction(images, _factor(magnitude, chance))


def contrast(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Nearer to or farther from the image's mean grey."""
    return enhance.adjust_contrast_with_mean_subtraction(images, _factor(magnitude, chance))


def brightness(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    return enhance.adjust_brightness_accumulative(images, _factor(magnitude, chance))


def sharpness(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Blurred or sharpened with PIL's kernel, eight ones about a five; the outermost pixels stay."""
    return enhance.sharpness(images, _factor(magnitude, chance))


def auto_contrast(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Stretch every channel to all of [0, 1]; one of a single level stays."""
    low, high = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
    return torch.where(high > low, (images - low) / (high - low).clamp(min=1e-6), images)


def equalize(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Spread every channel's levels evenly, as PIL does; the gradient passes as through the identity."""
    levels = (images.detach() * 255).round() / 255  # kornia cuts fractions of a level off
    equalized = enhance.equalize(levels)
    return images + (equalized - images).detach()


def gaussian_noise(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Brighter and darker pixels, alike in all channels; clipped where the image has no room for them."""
    height, width = images.shape[2:]
    noise = _of_table(chance, height, width, images.device)
    return (images + _NOISE * _per_image(magnitude) * noise[:, None]).clamp(0, 1)


def _of_table(place: Tensor, height: int, width: int, device: torch.device) -> Tensor:
    """(B, height, width) of the normal distribution, from a place of a fixed table, which goes on at its other side."""
    noise = torch.from_numpy(_noise()).to(device)
    corner = (place * len(noise)).long()
    rows = (corner[:, :1] + torch.arange(height, device=device)) % len(noise)  # (B, height)
    columns = (corner[:, 1:] + torch.arange(width, device=device)) % len(noise)  # (B, width)
    return noise[rows[:, :, None], columns[:, None, :]]


@cache
def _noise() -> np.ndarray:
    """(S, S) float32 of the normal distribution: always the same."""
    table: np.ndarray = np.random.default_rng(0).standard_normal((_NOISE_TABLE, _NOISE_TABLE), dtype=np.float32)
    return table


def thickness(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Dark strokes thicker or thinner: the least or the greatest level within a square about each pixel, between whole
    pixels a mixture of both."""
    is_thicker = chance[:, 0] < 0.5
    radius = magnitude * torch.where(is_thicker, _THICKER, _THINNER) * min(images.shape[2:])
    sign = _per_image(torch.where(is_thicker, -1.0, 1.0))
    result = torch.zeros_like(images)
    for whole in range(int(radius.detach().max().ceil()) + 1):
        share = _per_image((1 - (radius - whole).abs()).clamp(min=0))
        result = result + share * sign * _greatest(sign * images, whole)
    return result


def _greatest(images: Tensor, radius: int) -> Tensor:
    """The greatest level within so many pixels, up and down and to both sides."""
    for size, padding in (((2 * radius + 1, 1), (radius, 0)), ((1, 2 * radius + 1), (0, radius))):
        images = functional.max_pool2d(images, size, stride=1, padding=padding)
    return images


def cutout(images: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Cover a square of up to half of the side with grey; pixels that it covers in part are mixed."""
    height, width = images.shape[2:]
    rows, columns = _covered(height, magnitude, chance[:, 0]), _covered(width, magnitude, chance[:, 1])
    return images + rows[:, None, :, None] * columns[:, None, None, :] * (0.5 - images)


def _covered(size: int, magnitude: Tensor, place: Tensor) -> Tensor:
    """(B, size) share of every row (or column) that the square covers; pixel i reaches from i to i + 1."""
    centre, half = place[:, None] * size, magnitude[:, None] * _CUTOUT * size / 2
    pixel = torch.arange(size, device=magnitude.device)
    return (torch.minimum(centre + half, pixel + 1) - torch.maximum(centre - half, pixel)).clamp(0, 1)


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _signed(magnitude: Tensor, chance: Tensor) -> Tensor:
    return torch.where(chance[:, 0] < 0.5, -magnitude, magnitude)


def _factor(magnitude: Tensor, chance: Tensor) -> Tensor:
    return 1 + _ENHANCE * _signed(magnitude, chance)


def _warped(
    images: Tensor,
    fill: Fill,
    *,
    xx: Tensor | float = 1.0,
    xy: Tensor | float = 0.0,
    x: Tensor | float = 0.0,
    yx: Tensor | float = 0.0,
    yy: Tensor | float = 1.0,
    y: Tensor | float = 0.0,
) -> Tensor:
    """Take each pixel from where the matrix says, in coordinates that run from -1 to 1."""
    entries = [
        # `new_full`, because a number copied from the host would wait for the device.
        entry if isinstance(entry, Tensor) else images.new_full((len(images),), entry)
        for entry in (xx, xy, x, yx, yy, y)
    ]
    grid = functional.affine_grid(torch.stack(entries, dim=1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return _sampled(images, grid, fill)


def _sampled(images: Tensor, grid: Tensor, fill: Fill) -> Tensor:
    """Take each pixel from where the grid (B, H, W, 2) says.

    Edges are reflected, because black corners would be a mark that only copies carry, for a network to learn; or filled
    with the level of the border, where a reflected stroke would be another sign.
    """
    if fill == "reflect":
        return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return sampled_on_border(images, grid).clamp(0, 1)


def _with_slope(values: Tensor, start: Tensor, end: Tensor, magnitude: Tensor) -> Tensor:
    """`values`, with the gradient in the magnitude of the straight line from `start` (at 0) to `end` (at 1).

    The straight-through estimator (Bengio et al., arXiv 1308.3432) where the true gradient vanishes. The paper's has
    the slope 1 in every pixel, which says that a higher threshold makes an image brighter.
    """
    return values + _per_image(magnitude - magnitude.detach()) * (end - start).detach()


@dataclass(frozen=True)
class Operation:
    """An operation, in words what magnitude 1 means, None if it has no magnitude, and whether it moves pixels."""

    apply: Callable[..., Tensor]
    reach: str | None
    moves: bool = False


OPERATIONS: dict[str, Operation] = {
    "shear_x": Operation(shear_x, "0.3 of the height, either way", moves=True),
    "shear_y": Operation(shear_y, "0.3 of the width, either way", moves=True),
    "translate_x": Operation(translate_x, "0.45 of the width, either way", moves=True),
    "translate_y": Operation(translate_y, "0.45 of the height, either way", moves=True),
    "rotate": Operation(rotate, "30 degrees, either way", moves=True),
    "flip": Operation(flip, None),
    "invert": Operation(invert, None),
    "solarize": Operation(solarize, "every level is inverted"),
    "posterize": Operation(posterize, "4 of 8 bits are left"),
    "color": Operation(color, "saturation times 0.1 or 1.9"),
    "contrast": Operation(contrast, "contrast times 0.1 or 1.9"),
    "brightness": Operation(brightness, "brightness times 0.1 or 1.9"),
    "sharpness": Operation(sharpness, "nearly all of the blur, or the same amount of sharpening"),
    "auto_contrast": Operation(auto_contrast, None),
    "equalize": Operation(equalize, None),
    "cutout": Operation(cutout, "a grey square of half the side"),
    "zoom": Operation(zoom, "larger or smaller by a factor of 1.4", moves=True),
    "elastic": Operation(elastic, "5 x 5 points moved with a standard deviation of 0.08 of the side", moves=True),
    "gaussian_noise": Operation(gaussian_noise, "noise of a standard deviation of 0.15"),
    "thickness": Operation(thickness, "dark strokes thicker by 0.03 of the side or thinner by 0.01, on each side"),
}


def operations(fill: Fill) -> Mapping[str, Operation]:
    """`OPERATIONS`, where those that move pixels fill what comes into view in this way."""
    return {
        name: replace(operation, apply=partial(operation.apply, fill=fill)) if operation.moves else operation
        for name, operation in OPERATIONS.items()
    }
