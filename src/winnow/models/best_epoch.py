"""Choice of the epoch whose weights are kept: the one with the best accuracy on the validation set."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.metrics import balanced_accuracy
from winnow.models.predict import predict
from winnow.models.trainer import Callback, Run


class BestEpoch(Callback):
    """Validates after each epoch, adds `validation_loss` and `validation_balanced_accuracy` to the curve, keeps the
    weights of the first of the best epochs, and stops the training when patience is over.

    Attributes:
        state: weights of the best epoch so far, on the CPU.
        epoch: that epoch, counted from 1; 0 before the first.
        score: its balanced accuracy, or its plain one if that selects, in [0, 1].
    """

    def __init__(
        self,
        network: nn.Module,
        pixels: Tensor,
        labels: np.ndarray,
        *,
        num_classes: int,
        batch_size: int,
        patience: int | None,
        selection: Literal["balanced_accuracy", "accuracy"] = "balanced_accuracy",
    ) -> None:
        """Validate `network` on (M, H, W, 3) pixels, on the device that computes, with (M,) labels in [0, K).

        `network` is the one that is trained, or an average of its weights. `patience` is the number of epochs without
        a better score before training stops; None never stops it. `selection` is the score: of all classes alike, or of
        all images, which then has a column `validation_accuracy` in the curve.
        """
        self.state: dict[str, Tensor] = {}
        self.epoch, self.score = 0, -1.0
        self._network, self._pixels, self._labels = network, pixels, labels
        self._num_classes, self._batch_size, self._patience = num_classes, batch_size, patience
        self._selection = selection

    def after_epoch(self, run: Run) -> None:
        logits = predict(self._network, self._pixels, batch_size=self._batch_size, device=self._pixels.device)
        predicted = logits.argmax(axis=1)
        balanced = score = balanced_accuracy(self._labels, predicted, num_classes=self._num_classes)
        epoch = len(run.curve)
        run.curve[-1] |= {
            "validation_loss": _mean_loss(logits, self._labels),
            "validation_balanced_accuracy": balanced,
        }
        if self._selection == "accuracy":
            score = run.curve[-1]["validation_accuracy"] = float((predicted == self._labels).mean())
        if score > self.score:
            self.state = {name: tensor.detach().cpu().clone() for name, tensor in self._network.state_dict().items()}
            self.epoch, self.score = epoch, score
        run.note += f", {self._selection.replace('_', ' ')} {score:.3f} (best {self.score:.3f})"
        run.stop = self._patience is not None and epoch - self.epoch >= self._patience

    def state_dict(self) -> dict[str, Any]:
        return {"state": self.state, "epoch": self.epoch, "score": self.score}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.state, self.epoch, self.score = state["state"], state["epoch"], state["score"]


def _mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(torch.from_numpy(logits).double(), torch.tensor(labels, dtype=torch.int64)).item()
