"""The networks of the `finetuned` encoder: a pretrained one that learns on, from the dataset's own labels.

A probe of frozen features separates the classes along directions that other images drew; a few epochs turn these to the
dataset's classes. The first layers keep their weights, which saves their gradients, and so do the running statistics of
batch norm: those of converted weights may be placeholders.
"""

import copy
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from winnow.data.pixels import Pixels, at_side
from winnow.device import CPU_BATCH
from winnow.encoders.backbone import Backbone
from winnow.encoders.fitted.learner import Learner
from winnow.encoders.fitted.mixup import Mixup
from winnow.encoders.fitted.settings import FittedSettings
from winnow.encoders.fitted.small_images import SmallImages, read_small_images
from winnow.encoders.fitted.training import Training
from winnow.learn.optimizers import AdamW

_BATCH_SIZE = 32
_MIXING = 0.4
_CLASSIFIER_PACE = 10.0  # times the learning rate: it starts at random, the backbone does not
_WEIGHT_DECAY = 0.01


@dataclass(frozen=True, kw_only=True)
class FinetunedSettings(FittedSettings):
    """The section `embed.finetuned` of params.yaml.

    Attributes:
        frozen_share: share of the layers, counted from the image, that keep their weights, [0, 1].
    """

    frozen_share: float


class FinetunedNetwork(nn.Module):
    """A copy of a backbone with a linear classifier of its own.

    Args:
        backbone: the pretrained network, which stays as it is.
        num_classes: outputs of the classifier.
        input_size: side to which images are enlarged or reduced.
        frozen_share: as in `FinetunedSettings`.
    """

    def __init__(self, backbone: Backbone, *, num_classes: int, input_size: int, frozen_share: float) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(backbone.network)
        self.classifier = nn.Linear(backbone.dimensions, num_classes)
        self._input_size = input_size
        learning = {name for layer in backbone.layers[int(frozen_share * len(backbone.layers)) :] for name in layer}
        for name, parameter in self.backbone.named_parameters():
            parameter.requires_grad_(name in learning)

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, D)."""
        size = (self._input_size, self._input_size)
        if images.shape[-2:] != size:
            images = functional.interpolate(images, size=size, mode="bicubic")
        features: Tensor = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to logits (B, num_classes)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits

    def train(self, mode: bool = True) -> "FinetunedNetwork":
        """The backbone stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self


@dataclass(frozen=True)
class FinetunedNetworks(Learner[FinetunedNetwork]):
    """Networks that start from pretrained weights.

    Attributes:
        backbone: where they start.
    """

    settings: FinetunedSettings
    backbone: Backbone
    name: str = field(kw_only=True, default="finetuned")
    batch_size: ClassVar[int] = CPU_BATCH

    @property
    def fingerprint(self) -> dict[str, Any]:
        return {**asdict(self.settings), "backbone": dict(self.backbone.fingerprint), "n_classes": self.num_classes}

    def read(self, pixels: Pixels) -> SmallImages:
        """Images smaller than the input size are kept as they are, and enlarged in each step."""
        pixels = at_side(pixels, self.settings.input_size)
        side = min(self.settings.input_size, pixels.shape[1])
        return read_small_images(pixels, input_size=side, device=self.device).normalised_by(
            self.backbone.mean, self.backbone.std
        )

    def _network(self) -> FinetunedNetwork:
        return FinetunedNetwork(
            self.backbone,
            num_classes=self.num_classes,
            input_size=self.settings.input_size,
            frozen_share=self.settings.frozen_share,
        )

    def _objective(self, network: FinetunedNetwork, images: SmallImages, labels: Tensor, training: Training) -> Mixup:
        return Mixup(
            network,
            images,
            labels,
            rows=training.rows,
            augmentation=self.settings.augmentation,
            batch_size=_BATCH_SIZE,
            mixing=_MIXING,
            label_smoothing=self.settings.label_smoothing,
            seed=self.settings.seed,
            fold=training.fold,
        )

    def _optimizer(self, trained: nn.Module) -> torch.optim.Optimizer:
        learning = {name: each for name, each in trained.named_parameters() if each.requires_grad}
        classifier = [learning.pop(name) for name in list(learning) if name.startswith("classifier.")]
        groups: list[dict[str, Any]] = [{"params": classifier, "lr_scale": _CLASSIFIER_PACE}]
        if learning:
            groups.append({"params": [*learning.values()]})
        return AdamW(groups, lr=self.settings.learning_rate, weight_decay=_WEIGHT_DECAY)
