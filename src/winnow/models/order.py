"""The order in which the images of a training come."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class DrawnOrder:
    """Batches in an order drawn anew each epoch, from (seed, epoch) alone: a resumed run needs no generator's state.

    Attributes:
        images: in all batches of an epoch. Batch normalisation has no variance over a last batch of one image, which is
            left out.
    """

    def __init__(self, count: int, *, batch_size: int, seed: int, device: torch.device) -> None:
        """Of `count` images, whose positions are on `device`."""
        self._count, self._batch_size, self._seed, self._device = count, batch_size, seed, device
        self.images = count - (count % batch_size == 1)

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """(B,) int64 positions each; the epoch counts from 1."""
        order = torch.from_numpy(np.random.default_rng([self._seed, epoch]).permutation(self._count))
        batches: Sequence[Tensor] = order[: self.images].to(self._device).split(self._batch_size)
        return batches
