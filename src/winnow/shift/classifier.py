"""Classifiers on features: multinomial logistic regression or a multilayer perceptron, by mini-batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.device import best_device, seeded
from winnow.errors import WinnowError
from winnow.learn.optimizers import AdamW
from winnow.models.trainer import Callback, Run, fit

_ROWS = 8192  # of a forward pass, and of a block that is read


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a classifier is trained.

    Attributes:
        hidden: width of each hidden layer; none for logistic regression.
        dropout: share of hidden units left out in a step.
        learning_rate: of Adam.
        weight_decay: penalty on the weights, apart from the gradient (AdamW).
        epochs: at most.
        batch_size: rows of a step.
        validation_share: of the training rows, held out to choose the epoch.
        patience: epochs without a lower validation loss before training stops.
    """

    hidden: Sequence[int]
    dropout: float
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    validation_share: float
    patience: int


@dataclass(frozen=True)
class Fitted:
    """A trained classifier.

    Attributes:
        network: maps (B, D) float32 features to (B, K) logits.
        curve: a row per epoch: `epoch`, `train_loss`, `validation_loss` (nats), `validation_accuracy`, `learning_rate`.
        held_out: (V,) int64 training rows that chose the epoch and were not learned from.
    """

    network: nn.Module
    curve: pd.DataFrame
    held_out: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(N, K) float32 class probabilities of (N, D) rows, read in blocks."""
        self.network.eval()
        device = next(self.network.parameters()).device
        parts = []
        with torch.inference_mode():
            for start in range(0, len(features), _ROWS):
                rows = torch.from_numpy(np.asarray(features[start : start + _ROWS], dtype=np.float32)).to(device)
                parts.append(self.network(rows).softmax(dim=1).cpu().numpy())
        return np.concatenate(parts)


def train_classifier(
    features: np.ndarray, labels: np.ndarray, *, num_classes: int, settings: Settings, seed: int
) -> Fitted:
    """Train on all rows but those held out, and keep the epoch of the least validation loss.

    Args:
        features: (N, D) floats, a memory map or not; standardised by the mean and deviation of each column.
        labels: (N,) int in [0, K).
        num_classes: K.
        settings: how.
        seed: of the split, the first weights, the order of the rows and dropout.

    Raises:
        WinnowError: if there are too few rows to hold some out, or the loss stops being finite.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    held_out = np.sort(order[: round(settings.validation_share * len(labels))])
    learned = np.sort(order[len(held_out) :])
    if not len(held_out) or len(learned) < 2:
        raise WinnowError(
            f"{len(labels)} training rows are too few to hold out a share of {settings.validation_share:g}; add rows."
        )
    device = best_device()
    with seeded(seed, device):
        network = _network(features, num_classes, settings).to(device)
        objective = _Rows(network, features, labels, learned, settings.batch_size, rng)
        best = _LeastLoss(features[held_out], labels[held_out], settings.patience)
        optimizer = AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
        run = fit(
            network,
            objective,
            optimizer,
            epochs=settings.epochs,
            learning_rate_at=lambda epoch, step, steps: settings.learning_rate,
            callbacks=[best],
            description=f"classifier, seed {seed}",
            remedy="lower classifier.learning_rate",
        )
    network.load_state_dict(best.weights)
    return Fitted(network, pd.DataFrame(run.curve), held_out)


class _Standardise(nn.Module):
    """Columns of mean 0 and deviation 1 on the training rows; a constant column stays 0."""

    def __init__(self, features: np.ndarray) -> None:
        super().__init__()
        total, square = np.zeros(features.shape[1]), np.zeros(features.shape[1])
        for start in range(0, len(features), _ROWS):
            block = np.asarray(features[start : start + _ROWS], dtype=np.float64)
            total += block.sum(axis=0)
            square += (block**2).sum(axis=0)
        mean = total / len(features)
        deviation = np.sqrt(np.maximum(square / len(features) - mean**2, 0))
        scale = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def forward(self, rows: Tensor) -> Tensor:
        return (rows - self.mean) * self.scale


def _network(features: np.ndarray, num_classes: int, settings: Settings) -> nn.Module:
    layers: list[nn.Module] = [_Standardise(features)]
    width = features.shape[1]
    for hidden in settings.hidden:
        layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
        width = hidden
    last = nn.Linear(width, num_classes)
    if not settings.hidden:  # convex: from nothing known
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


class _Rows:
    """Cross-entropy of batches of rows that are read when they are asked for."""

    def __init__(
        self,
        network: nn.Module,
        features: np.ndarray,
        labels: np.ndarray,
        learned: np.ndarray,
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        self.images_per_epoch = len(learned)
        self._network, self._features, self._learned, self._batch_size = network, features, learned, batch_size
        self._device = next(network.parameters()).device
        self._labels = torch.tensor(labels, dtype=torch.int64)
        self._rng = rng

    def batches(self, epoch: int) -> Sequence[Tensor]:
        order = torch.from_numpy(self._rng.permutation(self._learned))
        split: Sequence[Tensor] = order.split(self._batch_size)
        return split

    def loss(self, batch: Tensor) -> Tensor:
        rows = torch.from_numpy(np.asarray(self._features[batch.numpy()], dtype=np.float32)).to(self._device)
        return cross_entropy(self._network(rows), self._labels[batch].to(self._device))

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class _LeastLoss(Callback):
    """Keeps the weights of the epoch with the least validation loss, and stops when patience is over."""

    def __init__(self, features: np.ndarray, labels: np.ndarray, patience: int) -> None:
        self.weights: dict[str, Tensor] = {}
        self._features, self._labels, self._patience = features, labels, patience
        self._least, self._epoch = float("inf"), 0

    def after_epoch(self, run: Run) -> None:
        probs = Fitted(run.network, pd.DataFrame(), self._labels).predict(self._features)
        given = probs[np.arange(len(probs)), self._labels].astype(np.float64)
        loss = float(-np.log(np.maximum(given, 1e-12)).mean())
        accuracy = float((probs.argmax(axis=1) == self._labels).mean())
        run.curve[-1] |= {"validation_loss": loss, "validation_accuracy": accuracy}
        if loss < self._least:
            self._least, self._epoch = loss, len(run.curve)
            self.weights = {name: value.detach().cpu().clone() for name, value in run.network.state_dict().items()}
        run.stop = len(run.curve) - self._epoch >= self._patience
