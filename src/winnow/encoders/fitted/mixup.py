"""What the networks of the `trained` encoder minimise: cross-entropy of moved and mixed pairs of images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_BATCH_SIZE = 64
_SHIFT = 0.125  # of the side: how far an image is moved
_LABEL_SMOOTHING = 0.1


class Mixup:
    """The objective of one network, for `winnow.models.trainer.fit`.

    Mixup and label smoothing keep a network from memorising wrong labels (arXiv 1710.09412, 2003.02819). Augmentation
    shifts images and never mirrors them, since a mirrored digit is no digit.
    """

    def __init__(
        self, network: nn.Module, images: Tensor, labels: Tensor, rows: np.ndarray, *, seed: int, fold: int
    ) -> None:
        """Train `network` on the `rows`, (R,) int64, of (N, 3, S, S) images with (N,) int64 labels on its device.

        `seed` and `fold` decide the order of the images, their pairs, and how they are moved and mixed.
        """
        self._network, self._images, self._labels = network, images, labels
        self._rows = torch.from_numpy(rows).to(images.device)
        self._generator = torch.Generator().manual_seed(seed * 1_000 + fold)
        self._shares = np.random.default_rng([seed, fold])
        self._batch_size = min(_BATCH_SIZE, len(rows))
        self.images_per_epoch = len(rows) // self._batch_size * self._batch_size

    def batches(self, epoch: int) -> Sequence[Tensor]:
        order = torch.randperm(len(self._rows), generator=self._generator)[: self.images_per_epoch]
        batches: Sequence[Tensor] = self._rows[order.to(self._rows.device)].split(self._batch_size)
        return batches

    def loss(self, batch: Tensor) -> Tensor:
        partner = batch[torch.randperm(len(batch), generator=self._generator).to(batch.device)]
        share = float(self._shares.beta(1, 1))
        moved = shifted(self._images[batch], self._generator), shifted(self._images[partner], self._generator)
        logits = self._network(share * moved[0] + (1 - share) * moved[1])
        own, other = (
            functional.cross_entropy(logits, self._labels[rows], label_smoothing=_LABEL_SMOOTHING)
            for rows in (batch, partner)
        )
        return share * own + (1 - share) * other

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.get_state(), "shares": self._shares.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._generator.set_state(state["generator"])
        self._shares.bit_generator.state = state["shares"]


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image shifted by its own random number of pixels; edge pixels fill the gap."""
    count, _, height, width = images.shape
    reach = max(1, round(width * _SHIFT))
    offset = torch.randint(-reach, reach + 1, (2, count, 1), generator=generator).to(images.device)
    row = (torch.arange(height, device=images.device) + offset[0]).clamp(0, height - 1)  # (B, H)
    column = (torch.arange(width, device=images.device) + offset[1]).clamp(0, width - 1)  # (B, W)
    image = torch.arange(count, device=images.device)[:, None, None]
    return images.permute(0, 2, 3, 1)[image, row[:, :, None], column[:, None, :]].permute(0, 3, 1, 2)
