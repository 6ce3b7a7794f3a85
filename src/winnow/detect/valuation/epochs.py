"""The states of a training between its epochs, in files: what the training can be gone through again from, in parts."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from winnow.checkpoint import load_checkpoint, save_checkpoint
from winnow.device import random_state
from winnow.errors import WinnowError
from winnow.models.trainer import Callback, Run


class KeptEpochs(Callback):
    """Keeps weights, velocities and the state of random numbers before the first epoch and after each: E + 1 files of
    2 x P numbers."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, folder: Path, key: str) -> None:
        """Of the training that `key` names, at its start. The caller removes the folder."""
        self._network, self._optimizer, self._folder, self._key = network, optimizer, folder, key
        self._keep(0)

    def after_epoch(self, run: Run) -> None:
        self._keep(len(run.curve))

    def _keep(self, epoch: int) -> None:
        state = {"network": self._network.state_dict(), "optimizer": self._optimizer.state_dict()}
        state["random"] = random_state(next(self._network.parameters()).device)
        save_checkpoint(_file(self._folder, self._key, epoch), state)


def load_epoch(folder: Path, key: str, epoch: int) -> dict[str, Any]:
    """The state after an epoch, 0 for the start: `network` and `optimizer` for `load_state_dict`, `random` for
    `winnow.device.set_random_state`.

    Raises:
        WinnowError: if the file is gone or damaged.
    """
    file = _file(folder, key, epoch)
    state = load_checkpoint(file)
    if state is None:
        raise WinnowError(f"{file} is missing or damaged; delete the folder, and start again.")
    return state


def _file(folder: Path, key: str, epoch: int) -> Path:
    return folder / f"{key}-epoch-{epoch}.pt"
