"""The course's network, ResNet-34 from scratch: building, storing, and asking it for predictions."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torchvision import models

from winnow import tables
from winnow.data.pixels import Pixels
from winnow.device import best_device, exact_arithmetic
from winnow.errors import WinnowError


def resnet34(num_classes: int) -> nn.Module:
    """ResNet-34 (He et al. 2016, arXiv 1512.03385) as in torchvision, random weights, K = `num_classes` outputs."""
    return models.resnet34(weights=None, num_classes=num_classes)


def to_input(pixels: Tensor) -> Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in [0, 1], as torchvision's ToTensor gives, on the same device.

    The result is a view in channels_last order of the converted block: nothing is transposed in memory.
    """
    return pixels.permute(0, 3, 1, 2).float().div_(255)


@torch.inference_mode()
def predict(
    network: nn.Module,
    pixels: Pixels | Tensor,
    *,
    batch_size: int,
    device: torch.device | None = None,
    report: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Class scores for every image.

    Always computed in true float32 (no bfloat16, no TF32), whatever precision the network was trained in: training
    selects its best epoch with the same numbers that the evaluation reports.

    Args:
        network: maps (B, 3, H, W) to (B, K); it is moved to `device` and left in evaluation mode.
        pixels: (N, H, W, 3) uint8: an array, a tensor on any device, or images decoded a batch at a time.
        batch_size: images per forward pass.
        device: where to compute; None takes `best_device`.
        report: called with the number of images after each batch.

    Returns:
        (N, K) float32 logits: the argmax is the predicted class, the softmax the pred_probs.
    """
    device = device or best_device()
    network.to(device, memory_format=torch.channels_last).eval()
    with exact_arithmetic():
        logits = []
        for start in range(0, len(pixels), batch_size):
            batch = torch.as_tensor(pixels[start : start + batch_size])
            logits.append(network(to_input(batch.to(device))))
            if report:
                report(len(batch))
        return torch.cat(logits).cpu().numpy()


def save_model(state: Mapping[str, Tensor], path: str | Path) -> None:
    """Write weights as safetensors: no code in the file, and the same weights are the same bytes.

    Args:
        state: a network's `state_dict()`, tensors on any device and in any memory order.
        path: the file, replaced atomically.
    """
    with tables.replacing(path) as temporary:
        # Not save_file: that makes files only their owner can read, so that a shared DVC cache would not serve others.
        temporary.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}))


def load_model(path: str | Path, *, num_classes: int, make_network: Callable[[int], nn.Module] = resnet34) -> nn.Module:
    """Rebuild a network from `save_model`'s file, on the CPU and in evaluation mode.

    Raises:
        WinnowError: if the file is missing, damaged, or holds another network or another number of classes.
    """
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise WinnowError(f"{path} is missing; run 'dvc repro' to train it.") from None
    except SafetensorError as error:
        raise WinnowError(f"{path} is no safetensors file ({error}); delete it and run 'dvc repro'.") from None
    network = make_network(num_classes)
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise WinnowError(
            f"{path} holds no such network with {num_classes} classes; delete it and run 'dvc repro' to train it again."
        ) from None
    return network.eval()
