"""The course's training recipe: held fixed, so that a difference in accuracy is a difference in the data."""

import math
from dataclasses import dataclass
from typing import Literal

import torch


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    The course's recipe, as far as public copies of its base code show: ResNet-34 from random weights; SGD with
    learning rate 0.01 and momentum 0.9, no weight decay; cosine decay over 30 epochs; batches of 128; cross-entropy;
    pixels divided by 255 (ToTensor) with no normalisation and no augmentation while training; the epoch with the best
    balanced accuracy on the validation set is kept.

    Attributes:
        epochs: passes over the training set.
        batch_size: images per step, at least 2. A smaller last batch is used too, unless it holds a single image,
            over which batch normalisation has no variance.
        learning_rate: of the first epoch.
        momentum: of SGD, in [0, 1).
        patience: epochs without a better validation score before training stops; None trains all epochs.
        precision: what the forward and backward passes compute in; weights and sums stay float32. "auto" takes
            bfloat16 where the device computes in it natively, float32 elsewhere.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    patience: int | None
    precision: Literal["auto", "float32", "bfloat16"]

    def learning_rate_in(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 1.

        The half cosine is stepped once per epoch, as `CosineAnnealingLR(T_max=epochs)` does: the first epoch runs at
        `learning_rate`, the last one just above zero.
        """
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / self.epochs))


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that `precision` means on a device: torch.bfloat16 or torch.float32.

    "auto" never picks bfloat16 where it is emulated: there it is several times slower than float32.
    """
    if precision == "auto":
        return torch.bfloat16 if _computes_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def _computes_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False
