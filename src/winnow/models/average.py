"""An average of a network's weights over its training steps, which is better than the weights of any one step."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from winnow.models.trainer import Callback, Run


class WeightAverage(Callback):
    """Exponential moving average of weights and of batch normalisation's statistics (Polyak and Juditsky 1992).

    The decay warms up as min(decay, (1 + t) / (10 + t)) over the steps t = 0, 1, ..., so that the random weights at the
    start are soon forgotten.

    Attributes:
        network: a copy of the network that holds the average; on the same device.
        steps: updates so far.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.steps = 0
        self._decay = decay
        self._pairs: tuple[list[Tensor], list[Tensor]] = ([], [])
        for average, current in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if average.is_floating_point():  # not the counts of batches, which nothing reads
                self._pairs[0].append(average)
                self._pairs[1].append(current)

    @torch.no_grad()
    def after_step(self, run: Run, batch: Tensor) -> None:
        """Take in the network's weights as they are after a step."""
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(*self._pairs, 1.0 - decay)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.steps = state["steps"]
