"""Supervised contrastive learning (Khosla et al., arXiv 2004.11362), alone and together with cross-entropy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from winnow.encoders.fitted.small_images import SmallImages
from winnow.models.border import sampled_on_border
from winnow.models.small_resnet import SmallResNet

_BATCH_SIZE = 100
_TEMPERATURE = 0.1
_PROJECTION = 32


@dataclass(frozen=True, kw_only=True)
class Variation:
    """How far images are varied at most: drawn anew in each step, for every image on its own. 0 leaves them.

    What comes in from outside has the level of the image's border: a reflected stroke would be another sign.

    Attributes:
        shear: the tangent of the angle that upright lines lean by, either way.
        rotation: degrees, either way.
        shift: each way, as a share of the side; [0, 1).
        zoom: an image becomes up to 1 + this times larger, or smaller.
        noise: standard deviation of normal noise on normalised images; up to this, evenly.
        inversion: the share of images that are inverted, each within its own range of levels; [0, 1].
    """

    shear: float
    rotation: float
    shift: float
    zoom: float
    noise: float
    inversion: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 3, S, S) of (B, 3, S, S) normalised images, on the same device; `generator` is one of the CPU."""
        count, device = len(images), images.device

        def drawn(low: float, high: float) -> Tensor:
            return (low + (high - low) * torch.rand(count, generator=generator)).to(device)

        angle, shear = torch.deg2rad(drawn(-self.rotation, self.rotation)), drawn(-self.shear, self.shear)
        size = torch.exp(drawn(-math.log(1 + self.zoom), math.log(1 + self.zoom)))
        cosine, sine = angle.cos() * size, angle.sin() * size
        right, down = 2 * drawn(-self.shift, self.shift), 2 * drawn(-self.shift, self.shift)
        rows = [cosine, shear * cosine - sine, right, sine, shear * sine + cosine, down]
        places = torch.stack(rows, dim=1).view(count, 2, 3)
        images = sampled_on_border(images, functional.affine_grid(places, list(images.shape), align_corners=False))

        noise = torch.randn(images.shape, generator=generator).to(device)
        images = images + drawn(0, self.noise)[:, None, None, None] * noise
        ends = images.amin(dim=(2, 3), keepdim=True) + images.amax(dim=(2, 3), keepdim=True)
        inverted = (drawn(0, 1) < self.inversion)[:, None, None, None]
        return torch.where(inverted, ends - images, images)


def supervised_contrastive(embedded: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """The paper's L_out: each image is drawn to those of its label and away from all others of the batch.

    Args:
        embedded: (B, D), L2-normalised.
        labels: (B,) int64.
        temperature: above 0; low ones look at the nearest images alone.

    Returns:
        The mean over the images that have another one of their label in the batch, a scalar; 0 if there are none.
    """
    similarity = embedded @ embedded.T / temperature
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    log_share = similarity - similarity.masked_fill(itself, -torch.inf).logsumexp(dim=1, keepdim=True)
    positive = (labels[:, None] == labels) & ~itself
    positives = positive.sum(dim=1)
    loss = -log_share.masked_fill(~positive, 0).sum(dim=1) / positives.clamp(min=1)
    return loss.sum() / (positives > 0).sum().clamp(min=1)


class Projected(nn.Module):
    """A network with a projection head of one hidden layer, which is thrown away after the training."""

    def __init__(self, network: SmallResNet) -> None:
        super().__init__()
        dimensions = network.classifier.in_features
        self.network = network
        self.head = nn.Sequential(nn.Linear(dimensions, dimensions), nn.ReLU(), nn.Linear(dimensions, _PROJECTION))


class Contrastive:
    """The objective of one network, for `winnow.models.trainer.fit`.

    Batches hold all classes alike, so that each image finds others of its label. With the loss "supervised_contrastive"
    the classifier learns from features that it does not change.

    Attributes:
        trained: the module that learns.
    """

    def __init__(
        self,
        projected: Projected,
        images: SmallImages,
        labels: Tensor,
        *,
        rows: np.ndarray,
        variation: Variation,
        loss: Literal["supervised_contrastive", "both"],
        label_smoothing: float,
        seed: int,
        fold: int,
    ) -> None:
        """Train on the `rows`, (R,) int64, of N images with (N,) int64 labels on the network's device.

        `variation` is how far images are varied; `seed` and `fold` decide which make a batch, and what is drawn.
        """
        self.trained = projected
        self._images, self._labels, self._label_smoothing = images, labels, label_smoothing
        self._variation = variation
        self._rows, self._loss = torch.from_numpy(rows).to(images.device), loss
        self._generator = torch.Generator().manual_seed(seed * 1_000 + fold)
        given = labels[self._rows].cpu()
        self._weights = 1.0 / torch.bincount(given)[given].float()
        self._batch_size = min(_BATCH_SIZE, len(rows))
        self.images_per_epoch = len(rows) // self._batch_size * self._batch_size

    def batches(self, epoch: int) -> Sequence[Tensor]:
        drawn = torch.multinomial(self._weights, self.images_per_epoch, replacement=True, generator=self._generator)
        batches: Sequence[Tensor] = self._rows[drawn.to(self._rows.device)].split(self._batch_size)
        return batches

    def loss(self, batch: Tensor) -> Tensor:
        network, labels = self.trained.network, self._labels[batch]
        features = network.features(self._variation(self._images[batch], self._generator))
        embedded = functional.normalize(self.trained.head(features), dim=1)
        contrastive = supervised_contrastive(embedded, labels, temperature=_TEMPERATURE)
        seen = features if self._loss == "both" else features.detach()
        logits = network.classifier(seen)
        return contrastive + functional.cross_entropy(logits, labels, label_smoothing=self._label_smoothing)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._generator.set_state(state["generator"])
