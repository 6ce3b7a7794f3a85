"""A dataset as a small network reads it: all images resident on the device, small and normalised."""

from dataclasses import dataclass

import numpy as np
import torch

from winnow.data.perceptual_hash import perceptual_hash
from winnow.data.pixels import Pixels, batches
from winnow.encoders.preprocess import normalise, resize


@dataclass(frozen=True)
class SmallImages:
    """All images of a dataset, resized and normalised by their own channels.

    Attributes:
        images: (N, 3, S, S) float32.
        hashes: (N,) uint64 perceptual hashes of the images as they were.
        mean, std: per channel, of values in [0, 1].
    """

    images: torch.Tensor
    hashes: np.ndarray
    mean: list[float]
    std: list[float]

    def like(self, pixels: Pixels) -> torch.Tensor:
        """(M, 3, S, S) of other images, (M, H, W, 3) uint8, prepared as these were."""
        size, device = self.images.shape[-1], self.images.device
        small = torch.cat([resize(batch, input_size=size, device=device) for _, batch in batches(pixels)])
        return normalise(small, mean=self.mean, std=self.std)


def read_small_images(pixels: Pixels, *, input_size: int, device: torch.device) -> SmallImages:
    """Read a dataset, (N, H, W, 3) uint8, a batch at a time; its images get sides of `input_size` on `device`."""
    counts = np.zeros((3, 256), dtype=np.int64)  # of each channel's values
    hashes, small = [], []
    for _, batch in batches(pixels):
        counts += np.stack([np.bincount(batch[..., channel].ravel(), minlength=256) for channel in range(3)])
        hashes.append(perceptual_hash(batch))
        small.append(resize(batch, input_size=input_size, device=device).to(torch.uint8))
    mean, std = _statistics(counts)
    return SmallImages(normalise(torch.cat(small), mean=mean, std=std), np.concatenate(hashes), mean, std)


def _statistics(counts: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of every channel in [0, 1], from exact counts of the 256 levels."""
    level = np.arange(256) / 255
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ level
    std = np.sqrt(np.maximum(share @ level**2 - mean**2, 1e-4))
    return [round(float(value), 6) for value in mean], [round(float(value), 6) for value in std]
