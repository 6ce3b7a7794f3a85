"""Input normalised as published weights want it."""

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """A network whose input is normalised: it takes values in [0, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to (B, K)."""
        logits: Tensor = self.network((images - self.mean) / self.std)
        return logits
