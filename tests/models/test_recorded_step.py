"""A recorded training step: what is taken by hand, and that nothing about the training changes.

A GPU is needed to record; without one a stand-in records, which takes the same step when it is replayed.
"""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from winnow.models.classifier import train_classifier
from winnow.models.recipe import named_recipe
from winnow.models.recorded_step import RecordedStep

CPU = torch.device("cpu")
INPUTS = torch.linspace(-1, 1, 40).view(20, 2)
TARGETS = INPUTS @ torch.tensor([[2.0], [-1.0]])


class Line:
    """Two weights, their optimizer, and a step by hand."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(2, 1)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1, momentum=0.9)
        self.by_hand, self.breaks = 0, False

    def take(self, batch):
        self.by_hand += 1
        loss = (self.network(INPUTS[batch]) - TARGETS[batch]).square().mean()
        loss.backward()
        if self.breaks:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    @property
    def weights(self):
        return torch.cat([parameter.detach().flatten() for parameter in self.network.parameters()])


@pytest.fixture
def stand_in(monkeypatch):
    """Records on the CPU: what is called inside computes as ever, but its effects on the line are taken back."""

    def install(line: Line, *, fails: str = "") -> None:
        class Graph:
            def replay(self) -> None:
                self.loss.copy_(line.take(self.batch))

        @contextmanager
        def graph(recording, stream):
            if fails == "at the start":
                raise RuntimeError("operation not permitted when stream is capturing")
            line.breaks = fails == "in the middle"
            before = [parameter.detach().clone() for parameter in line.network.parameters()]
            momenta = {key: {k: v.clone() for k, v in state.items()} for key, state in line.optimizer.state.items()}
            try:
                yield
            finally:
                line.breaks = False
            with torch.no_grad():
                for parameter, old in zip(line.network.parameters(), before, strict=True):
                    parameter.copy_(old)
            for key, state in momenta.items():
                line.optimizer.state[key].update(state)
            if fails == "at the end":
                raise RuntimeError("operation failed due to a previous error during capture")

        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "graph", graph)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)

    return install


def batches():
    """Eight batches of four images, with a smaller one after the fifth and at the end."""
    order = [torch.arange(4) + start for start in (0, 4, 8, 12, 16, 2, 6, 10)]
    return [*order[:5], torch.arange(3), *order[5:], torch.arange(2)]


def taken(step, optimizer):
    losses = []
    for number, batch in enumerate(batches()):
        for group in optimizer.param_groups:
            rate = 0.1 / (1 + number)
            group["lr"] = group["lr"].fill_(rate) if isinstance(group["lr"], torch.Tensor) else rate
        losses.append(float(step(batch)))
    return losses


def recorded(line: Line) -> RecordedStep:
    step = RecordedStep(line.take, line.optimizer, batch_size=4, device=CPU)
    original = step._recorded

    def with_what_it_computes():
        graph = original()
        if graph is not None:
            graph.batch, graph.loss = step._batch, step._loss
        return graph

    step._recorded = with_what_it_computes
    return step


def test_the_first_steps_and_odd_batches_are_taken_by_hand_and_the_weights_are_the_same(stand_in):
    by_hand, line = Line(), Line()
    expected = taken(by_hand.take, by_hand.optimizer)
    stand_in(line)
    step = recorded(line)
    assert taken(step, line.optimizer) == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(line.weights, by_hand.weights)
    assert step.replayed == 5  # of eight full batches three are taken by hand


@pytest.mark.parametrize("fails", ["at the start", "in the middle", "at the end"])
def test_where_recording_fails_every_step_is_taken_by_hand(stand_in, capsys, fails):
    by_hand, line = Line(), Line()
    expected = taken(by_hand.take, by_hand.optimizer)
    stand_in(line, fails=fails)
    step = recorded(line)
    assert taken(step, line.optimizer) == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(line.weights, by_hand.weights)
    assert step.replayed == 0 and line.by_hand == len(batches()) + (fails != "at the start")
    assert capsys.readouterr().err.count("no training step could be recorded") == 1


@pytest.mark.parametrize(
    ("network", "recipe"), [("resnet34", "course"), ("small", "fast"), ("competition", "competition")]
)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a GPU")
def test_a_gpu_comes_to_the_same_bits_by_hand_and_recorded(network, recipe, monkeypatch):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(150) % 3
    settings = {"epochs": 3, "batch_size": 16, "learning_rate": 0.001, "momentum": 0.9}
    if recipe == "fast":
        settings["average_decay"] = 0.9
    counts = []

    def train():
        return train_classifier(
            pixels,
            labels,
            pixels[:30],
            labels[:30],
            num_classes=3,
            recipe=named_recipe(recipe, **settings),
            seed=0,
            device=torch.device("cuda", 0),
            network=network,
        )

    replay = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: counts.append(1) or replay(graph))
    recorded = train()
    assert len(counts) == 3 * 9 - 3  # all but the first three and each epoch's last
    monkeypatch.setattr(RecordedStep, "_recorded", lambda step: None)
    by_hand = train()
    assert len(counts) == 3 * 9 - 3
    for name, tensor in by_hand.state.items():
        assert torch.equal(recorded.state[name], tensor), name
    assert recorded.curve.equals(by_hand.curve)
