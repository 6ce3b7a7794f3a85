"""From packed 8-bit pixels to what a network reads, on the device and for the whole batch at once."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional


def preprocess(
    pixels: np.ndarray, *, input_size: int, mean: Sequence[float], std: Sequence[float], device: torch.device
) -> torch.Tensor:
    """Resize to a square (bicubic, no crop), scale to [0, 1] and normalise.

    The same as PIL's bicubic resize, ToTensor and Normalize, but for rare values that round the other way.

    Args:
        pixels: (B, H, W, 3) uint8.
        input_size: side of the result.
        mean, std: per channel, of values in [0, 1].
        device: where the batch is sent, still as 8-bit values, and resized.

    Returns:
        (B, 3, input_size, input_size) float32 on `device`, in channels_last memory format.
    """
    return normalise(resize(pixels, input_size=input_size, device=device), mean=mean, std=std)


def resize(pixels: np.ndarray, *, input_size: int, device: torch.device) -> torch.Tensor:
    """The first half of `preprocess`: (B, 3, input_size, input_size) of whole numbers in [0, 255], on `device`."""
    batch = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
    if batch.shape[-2:] != (input_size, input_size):
        # The CPU resizes 8-bit values as they are, ten times faster than floats; the GPU has no kernel for them.
        if device.type != "cpu":
            batch = batch.float()
        # antialias=True also when enlarging: without it torch's bicubic kernel (a = -0.75) is not PIL's (a = -0.5).
        batch = functional.interpolate(batch, size=(input_size, input_size), mode="bicubic", antialias=True)
        batch = batch.round_().clamp_(0, 255)
    return batch


def normalise(batch: torch.Tensor, *, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """The second half of `preprocess`: float32 in channels_last memory format."""
    scale = torch.tensor(std, device=batch.device).mul_(255).view(1, 3, 1, 1)
    offset = torch.tensor(mean, device=batch.device).mul_(255).view(1, 3, 1, 1)
    return batch.float().sub_(offset).div_(scale).contiguous(memory_format=torch.channels_last)


def warn_on_preprocessing_mismatch(*, key: str, model: str, given: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Print one line if input size, mean or std are not the ones that `model` is published with.

    Wrong ones raise no error anywhere: the features only get worse.
    """
    other = [name for name in own if not np.allclose(given[name], own[name], atol=1e-4)]
    if other:
        differences = "; ".join(f"{name} is {given[name]}, the model's own is {own[name]}" for name in other)
        print(f"winnow: {key}: {differences} ({model}): right only if these weights were trained so.", file=sys.stderr)
