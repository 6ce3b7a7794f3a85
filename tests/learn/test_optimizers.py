"""Optimizers without the compiler: the same steps, and the compiler stays out of the process."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from winnow.learn import optimizers

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "fused": True}),
    ("SGD", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "fused": True}),
    ("AdamW", {"lr": 0.1}),
    ("LBFGS", {"line_search_fn": "strong_wolfe"}),
]


@pytest.mark.parametrize(("name", "settings"), KINDS)
def test_steps_are_those_of_torch_to_the_last_bit(name: str, settings: dict[str, Any]) -> None:
    ours, theirs = (trained(getattr(module, name), settings) for module in (optimizers, torch.optim))
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_a_process_that_trains_never_imports_the_compiler() -> None:
    script = (
        "import sys, numpy as np, torch\n"
        "from winnow.learn.optimizers import SGD, Adam\n"
        "from winnow.learn.probe import LinearProbe\n"
        "weight = torch.zeros(3, requires_grad=True)\n"
        "for optimizer in (SGD([weight], fused=True), Adam([weight], fused=True)):\n"
        "    weight.sum().backward()\n"
        "    optimizer.step()\n"
        "    optimizer.zero_grad()\n"
        "    optimizer.load_state_dict(optimizer.state_dict())\n"
        "LinearProbe(np.eye(4, dtype=np.float32)).fit(np.eye(4, dtype=np.float32), np.ones((4, 1), bool), l2=0.1)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def trained(kind: Callable[..., torch.optim.Optimizer], settings: dict[str, Any]) -> list[torch.Tensor]:
    """Weights after five steps, with the optimizer's state saved and read in between."""
    generator = torch.Generator().manual_seed(0)
    network = nn.Linear(4, 3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    inputs, targets = torch.randn(8, 4, generator=generator), torch.arange(8) % 3
    optimizer = kind(network.parameters(), **settings)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(network(inputs), targets)
        value.backward()
        return value

    for _ in range(5):
        optimizer.step(loss)  # type: ignore[arg-type]
        optimizer.load_state_dict(optimizer.state_dict())
    return [parameter.detach().clone() for parameter in network.parameters()]
