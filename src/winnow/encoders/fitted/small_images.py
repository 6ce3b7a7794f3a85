"""A dataset as a small network reads it: all images resident on the device, small, and normalised as they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from winnow.data.perceptual_hash import perceptual_hash
from winnow.data.pixels import Pixels, batches
from winnow.encoders.preprocess import normalise, resize


@dataclass(frozen=True)
class SmallImages:
    """All images of a dataset, resized.

    Attributes:
        stored: (N, 3, S, S) uint8, a quarter of what they need as numbers.
        hashes: (N,) uint64 perceptual hashes of the images as they were.
        mean, std: per channel, of values in [0, 1].
    """

    stored: torch.Tensor
    hashes: np.ndarray
    mean: list[float]
    std: list[float]

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) float32 of (B,) int64 positions, normalised, in channels_last memory format."""
        return normalise(self.stored[rows], mean=self.mean, std=self.std)

    @property
    def device(self) -> torch.device:
        return self.stored.device

    def normalised_by(self, mean: Sequence[float], std: Sequence[float]) -> "SmallImages":
        """The same images, normalised by other numbers."""
        return replace(self, mean=list(mean), std=list(std))

    def like(self, pixels: Pixels) -> "SmallImages":
        """Other images, (M, H, W, 3) uint8, prepared as these were."""
        other = read_small_images(pixels, input_size=self.stored.shape[-1], device=self.device)
        return other.normalised_by(self.mean, self.std)


def read_small_images(pixels: Pixels, *, input_size: int, device: torch.device) -> SmallImages:
    """Read a dataset, (N, H, W, 3) uint8, a batch at a time; its images get sides of `input_size` on `device`.

    Mean and deviation are those of their own channels.
    """
    counts = np.zeros((3, 256), dtype=np.int64)  # of each channel's values
    hashes, small = [], []
    for _, batch in batches(pixels):
        counts += np.stack([np.bincount(batch[..., channel].ravel(), minlength=256) for channel in range(3)])
        hashes.append(perceptual_hash(batch))
        small.append(resize(batch, input_size=input_size, device=device).to(torch.uint8))
    mean, std = _statistics(counts)
    return SmallImages(torch.cat(small), np.concatenate(hashes), mean, std)


def _statistics(counts: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of every channel in [0, 1], from exact counts of the 256 levels."""
    level = np.arange(256) / 255
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ level
    std = np.sqrt(np.maximum(share @ level**2 - mean**2, 1e-4))
    return [round(float(value), 6) for value in mean], [round(float(value), 6) for value in std]
