"""From packed pixels to a network's class scores."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from winnow.data.pixels import Pixels
from winnow.device import CPU_BATCH, best_device, exact_arithmetic, side_by_side


def to_input(pixels: Tensor) -> Tensor:
    """(B, H, W, 3) in [0, 255] to float32 (B, 3, H, W) in [0, 1], as torchvision's ToTensor gives, on the same device.

    The result is a view in channels_last order of the converted block: nothing is transposed in memory.
    """
    return pixels.permute(0, 3, 1, 2).to(torch.float32, copy=True).div_(255)


def predict(
    network: nn.Module,
    pixels: Pixels | Tensor,
    *,
    batch_size: int,
    device: torch.device | None = None,
    report: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Class scores for every image.

    Always computed in true float32 (no bfloat16, no TF32), whatever precision the network was trained in, and on a CPU
    in batches of `CPU_BATCH` with one thread each: training selects its best epoch with the same numbers that the
    evaluation reports.

    Args:
        network: maps (B, 3, H, W) to (B, K); it is moved to `device` and left in evaluation mode.
        pixels: (N, H, W, 3) uint8: an array, a tensor on any device, or images decoded a batch at a time. An array or
            tensor may be float32 in [0, 255].
        batch_size: images per forward pass of a GPU, and the most of a CPU's.
        device: where to compute; None takes `best_device`.
        report: called with the number of images after each batch.

    Returns:
        (N, K) float32 logits: the argmax is the predicted class, the softmax the pred_probs.
    """
    device = device or best_device()
    network.to(device).to(memory_format=torch.channels_last).eval()
    if device.type == "cpu":
        batch_size = min(batch_size, CPU_BATCH)

    @torch.inference_mode()
    def logits_of(batch: np.ndarray | Tensor) -> Tensor:
        logits: Tensor = network(to_input(torch.as_tensor(batch).to(device)))
        return logits

    parts = (pixels[start : start + batch_size] for start in range(0, len(pixels), batch_size))
    with exact_arithmetic():
        logits = []
        for part in side_by_side(logits_of, parts, device=device):
            logits.append(part)
            if report:
                report(len(part))
        return torch.cat(logits).cpu().numpy()
