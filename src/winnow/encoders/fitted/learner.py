"""What learns in a fitted encoder: how networks of one kind start, what they minimise, and their training."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from winnow.data.pixels import Pixels
from winnow.device import seeded
from winnow.encoders.fitted.settings import FittedSettings
from winnow.encoders.fitted.small_images import SmallImages
from winnow.encoders.fitted.training import NetworkObjective, OneCycle, Training, train_side_by_side
from winnow.params.encoders import key_of

Network = TypeVar("Network", bound=nn.Module)


class FeatureNetwork(Protocol):
    """A network whose last layer is linear."""

    classifier: nn.Linear

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) to (B, D), what enters `classifier`."""

    def state_dict(self) -> dict[str, Tensor]:
        """Weights and buffers by name."""


@dataclass(frozen=True)
class Learner(ABC, Generic[Network]):
    """The networks of a fitted encoder: what they read and how they learn. Each is a `FeatureNetwork`.

    Attributes:
        settings: how the networks are trained.
        num_classes: K.
        device: where they are trained.
        name: of the encoder, as `embed.encoder` in params.yaml has it.
        batch_size: images in one forward pass.
    """

    settings: FittedSettings
    num_classes: int
    device: torch.device
    name: str = field(kw_only=True)
    batch_size: ClassVar[int]

    @property
    @abstractmethod
    def fingerprint(self) -> Mapping[str, Any]:
        """JSON values: all but images and labels that decides the networks."""

    @abstractmethod
    def read(self, pixels: Pixels) -> SmallImages:
        """The images, (N, H, W, 3) uint8, as the networks learn from them."""

    @abstractmethod
    def _network(self) -> Network:
        """A network before its training, on the CPU; drawn under the seed of the settings."""

    @abstractmethod
    def _objective(self, network: Network, images: SmallImages, labels: Tensor, training: Training) -> NetworkObjective:
        """What a network on the device minimises; the labels are those of all images."""

    @abstractmethod
    def _optimizer(self, trained: nn.Module) -> torch.optim.Optimizer:
        """One for the module that an objective trains."""

    def train(
        self, images: SmallImages, labels: np.ndarray, trainings: Sequence[Training], *, description: str
    ) -> list[Network]:
        """Train a network for each training; all start from the same weights.

        Args:
            images: of the dataset.
            labels: (N,) int in [0, K).
            trainings: which images each network learns from.
            description: what the progress display calls this.

        Returns:
            The networks in evaluation mode, in the order of the trainings.

        Raises:
            WinnowError: if a training diverges.
        """
        target = torch.tensor(np.array(labels, dtype=np.int64), device=self.device)
        networks = [self._placed() for _ in trainings]
        train_side_by_side(
            [
                self._objective(network, images, target, training)
                for network, training in zip(networks, trainings, strict=True)
            ],
            trainings,
            optimizer=self._optimizer,
            schedule=OneCycle(self.settings.epochs, self.settings.learning_rate),
            seed=self.settings.seed,
            device=self.device,
            description=description,
            remedy=f"lower {key_of(self.name)}.learning_rate in params.yaml",
        )
        return [network.eval() for network in networks]

    def _placed(self) -> Network:
        with seeded(self.settings.seed, self.device):
            network = self._network()
        return network.to(self.device).to(memory_format=torch.channels_last)
