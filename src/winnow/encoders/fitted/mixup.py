"""What the networks of fitted encoders minimise as a rule: cross-entropy of varied and mixed pairs of images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from winnow.encoders.fitted.augmentation import Augmentation
from winnow.encoders.fitted.small_images import SmallImages


class Mixup:
    """The objective of one network, for `winnow.models.trainer.fit`.

    Mixup and label smoothing keep a network from memorising wrong labels (arXiv 1710.09412, 2003.02819).

    Attributes:
        trained: the module that learns.
    """

    def __init__(
        self,
        network: nn.Module,
        images: SmallImages,
        labels: Tensor,
        *,
        rows: np.ndarray,
        augmentation: Augmentation,
        batch_size: int,
        mixing: float,
        label_smoothing: float,
        seed: int,
        fold: int,
    ) -> None:
        """Train `network` on the `rows`, (R,) int64, of N images with (N,) int64 labels on its device.

        An image's share in its pair is drawn from Beta(`mixing`, `mixing`): even at 1, near 0 or 1 below.
        `seed` and `fold` decide the order of the images, their pairs, and how they are varied and mixed.
        """
        self.trained = network
        self._network, self._images, self._labels = network, images, labels
        self._augmentation, self._label_smoothing = augmentation, label_smoothing
        self._rows = torch.from_numpy(rows).to(images.device)
        self._generator = torch.Generator().manual_seed(seed * 1_000 + fold)
        self._shares = np.random.default_rng([seed, fold])
        self._mixing = mixing
        self._batch_size = min(batch_size, len(rows))
        self.images_per_epoch = len(rows) // self._batch_size * self._batch_size

    def batches(self, epoch: int) -> Sequence[Tensor]:
        order = torch.randperm(len(self._rows), generator=self._generator)[: self.images_per_epoch]
        batches: Sequence[Tensor] = self._rows[order.to(self._rows.device)].split(self._batch_size)
        return batches

    def loss(self, batch: Tensor) -> Tensor:
        partner = batch[torch.randperm(len(batch), generator=self._generator).to(batch.device)]
        share = float(self._shares.beta(self._mixing, self._mixing))
        varied = [self._augmentation(self._images[rows], self._generator) for rows in (batch, partner)]
        logits = self._network(share * varied[0] + (1 - share) * varied[1])
        own, other = (
            functional.cross_entropy(logits, self._labels[rows], label_smoothing=self._label_smoothing)
            for rows in (batch, partner)
        )
        return share * own + (1 - share) * other

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.get_state(), "shares": self._shares.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._generator.set_state(state["generator"])
        self._shares.bit_generator.state = state["shares"]
