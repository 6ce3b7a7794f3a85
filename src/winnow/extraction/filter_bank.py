"""A network that needs no weights: a bank of Gabor filters, for first looks and for tests without a network."""

import math

import torch
from torch import nn
from torch.nn import functional

_SCALES, _ANGLES, _CELLS, _REACH = (3.0, 6.0), 6, 4, 7


class FilterBank(nn.Module):
    """Grey image, energies of edges at six angles and two scales, and their means over a grid of 4 x 4 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Parameter(torch.stack(_filters())[:, None], requires_grad=False)
        self.cells = nn.AdaptiveAvgPool2d(_CELLS)
        self.flat = nn.Flatten()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) to (B, 12 * 16)."""
        grey = images.mean(dim=1, keepdim=True)
        parts = functional.conv2d(grey, self.filters, padding=_REACH)  # even and odd filters by turns
        energy = (parts[:, 0::2].square() + parts[:, 1::2].square() + 1e-8).sqrt()
        features: torch.Tensor = self.flat(self.cells(energy))
        return features


def filter_bank() -> nn.Module:
    """The network; always the same."""
    return FilterBank()


def _filters() -> list[torch.Tensor]:
    side = torch.arange(-_REACH, _REACH + 1, dtype=torch.float32)
    y, x = torch.meshgrid(side, side, indexing="ij")
    found = []
    for wavelength in _SCALES:
        window = torch.exp(-(x**2 + y**2) / (2 * (0.6 * wavelength) ** 2))
        for turn in range(_ANGLES):
            angle = math.pi * turn / _ANGLES
            phase = 2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / wavelength
            for wave in (torch.cos(phase), torch.sin(phase)):
                kernel = window * wave
                kernel = kernel - window * kernel.sum() / window.sum()
                found.append(kernel / kernel.abs().sum())
    return found
