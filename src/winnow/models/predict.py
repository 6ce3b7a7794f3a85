"""From packed pixels to a network's class scores."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from winnow.data.pixels import Pixels
from winnow.device import best_device, exact_arithmetic


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
    network.to(device).to(memory_format=torch.channels_last).eval()
    with exact_arithmetic():
        logits = []
        for start in range(0, len(pixels), batch_size):
            batch = torch.as_tensor(pixels[start : start + batch_size])
            logits.append(network(to_input(batch.to(device))))
            if report:
                report(len(batch))
        return torch.cat(logits).cpu().numpy()
