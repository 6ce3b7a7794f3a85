"""The loop that trains every network: what callbacks see, when they are called, and what a checkpoint keeps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from winnow.errors import WinnowError
from winnow.models.trainer import Callback, Run, fit

INPUTS = torch.arange(12, dtype=torch.float32).reshape(6, 2) / 10
TARGETS = INPUTS @ torch.tensor([1.0, -2.0]) + 0.5


class Regression:
    """Mean squared error; the order of the rows comes from a generator whose state is part of a checkpoint."""

    images_per_epoch = 6

    def __init__(self, network: nn.Module) -> None:
        self.network, self.generator = network, np.random.default_rng(0)

    def batches(self, epoch: int) -> Sequence[Tensor]:
        return torch.from_numpy(self.generator.permutation(6)).split(4)

    def loss(self, batch: Tensor) -> Tensor:
        return (self.network(INPUTS[batch])[:, 0] - TARGETS[batch]).square().mean()

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.bit_generator.state = state["generator"]


def train(
    *callbacks: Callback, epochs: int = 3, checkpoint: Path | None = None, rate: float = 0.1
) -> tuple[nn.Module, Run]:
    network = nn.Linear(2, 1)
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    run = fit(
        network,
        Regression(network),
        torch.optim.SGD(network.parameters(), lr=1.0),
        epochs=epochs,
        learning_rate_at=lambda epoch, step, steps: rate / epoch + 0.01 * step,
        callbacks=callbacks,
        checkpoint=checkpoint,
        checkpoint_share=float("inf"),
        description="fit a line",
        remedy="lower the rate",
    )
    return network, run


class Recorder(Callback):
    """Keeps the gradient of each step with its images and learning rate, as data valuation needs them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.steps: list[tuple[list[int], Tensor, float]] = []

    def after_backward(self, run: Run, batch: Tensor) -> None:
        self.calls.append("backward")
        gradient = torch.cat([parameter.grad.flatten() for parameter in run.network.parameters()])
        self.steps.append((batch.tolist(), gradient, run.optimizer.param_groups[0]["lr"]))

    def after_step(self, run: Run, batch: Tensor) -> None:
        self.calls.append("step")

    def after_epoch(self, run: Run) -> None:
        self.calls.append("epoch")


def test_gradients_and_rates_that_a_callback_sees_add_up_to_the_weights():
    recorder = Recorder()
    network, _ = train(recorder)
    assert recorder.calls == [*["backward", "step"] * 2, "epoch"] * 3
    weights = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
    torch.testing.assert_close(weights, -sum(rate * gradient for _, gradient, rate in recorder.steps))
    assert [rate for *_, rate in recorder.steps] == pytest.approx([0.1, 0.11, 0.05, 0.06, 0.1 / 3, 0.1 / 3 + 0.01])
    for first, second in zip(recorder.steps[::2], recorder.steps[1::2], strict=True):
        assert sorted(first[0] + second[0]) == list(range(6)) and len(first[0]) == 4


def test_a_group_with_a_scale_learns_at_that_multiple_of_the_rate():
    network = nn.Linear(2, 1)
    groups = [{"params": [network.weight]}, {"params": [network.bias], "lr_scale": 10.0}]
    seen: list[tuple[float, ...]] = []

    class Rates(Callback):
        def after_step(self, run: Run, batch: Tensor) -> None:
            seen.append(tuple(group["lr"] for group in run.optimizer.param_groups))

    options = {"callbacks": [Rates()], "description": "fit", "remedy": "lower the rate"}
    fit(
        network,
        Regression(network),
        torch.optim.SGD(groups, lr=1.0),
        epochs=1,
        learning_rate_at=lambda epoch, step, steps: 0.1 / (step + 1),
        **options,
    )
    assert seen == [(0.1, 1.0), (0.05, 0.5)]


def test_the_curve_weighs_batches_by_their_size_and_takes_what_callbacks_add():
    losses: list[float] = []

    class Seen(Callback):
        def after_backward(self, run, batch):
            with torch.no_grad():
                errors = run.network(INPUTS[batch])[:, 0] - TARGETS[batch]
            losses.extend(errors.square().tolist())

        def after_epoch(self, run):
            run.curve[-1]["smallest"] = min(losses)

    _, run = train(Seen(), epochs=1)
    assert run.curve[0]["train_loss"] == pytest.approx(np.mean(losses))
    assert run.curve[0] == {
        "epoch": 1,
        "train_loss": run.curve[0]["train_loss"],
        "learning_rate": pytest.approx(0.1),
        "smallest": min(losses),
    }


class StopAfter(Callback):
    """Counts epochs over all runs that share a checkpoint, stops or dies at one of them."""

    def __init__(self, *, stop: int = 0, die: int = 0) -> None:
        self.epochs, self.stop, self.die = 0, stop, die

    def after_epoch(self, run: Run) -> None:
        self.epochs += 1
        run.stop = self.epochs == self.stop
        if self.epochs == self.die:
            raise KeyboardInterrupt

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs = state["epochs"]


def test_a_callback_ends_the_training_and_a_resumed_run_does_not_go_on(tmp_path):
    _, run = train(StopAfter(stop=2), epochs=5, checkpoint=tmp_path / "run.pt")
    assert len(run.curve) == 2 and run.is_over
    counter = StopAfter()
    _, again = train(counter, epochs=5, checkpoint=tmp_path / "run.pt")
    assert again.curve == run.curve and counter.epochs == 2


def test_objective_and_callbacks_resume_from_their_own_state(tmp_path):
    whole, _ = train(StopAfter())
    with pytest.raises(KeyboardInterrupt):
        train(StopAfter(die=2), checkpoint=tmp_path / "run.pt")
    counter = StopAfter()
    resumed, run = train(counter, checkpoint=tmp_path / "run.pt")
    assert counter.epochs == 3 and len(run.curve) == 3
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])


class Renamed(StopAfter):
    """What `StopAfter` may become in a later version of winnow: it keeps its count under another name."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs = state["count"]


@pytest.mark.parametrize("later", [[Renamed()], [], [StopAfter(), StopAfter()]], ids=["renamed", "fewer", "more"])
def test_a_checkpoint_of_another_version_is_named_with_the_way_out(tmp_path, later):
    with pytest.raises(KeyboardInterrupt):
        train(StopAfter(die=2), checkpoint=tmp_path / "run.pt")
    with pytest.raises(
        WinnowError, match=r"fit a line: another version of winnow wrote the checkpoint .*run\.pt; delete"
    ):
        train(*later, checkpoint=tmp_path / "run.pt")


class Greedy(StopAfter):
    """Its state finds no room on the device."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        raise torch.OutOfMemoryError("out of memory")


def test_a_device_that_is_full_is_not_called_another_version(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(StopAfter(die=2), checkpoint=tmp_path / "run.pt")
    with pytest.raises(torch.OutOfMemoryError):
        train(Greedy(), checkpoint=tmp_path / "run.pt")


def test_a_loss_that_is_not_finite_names_the_training_and_the_remedy():
    with pytest.raises(WinnowError, match=r"fit a line: the loss is not finite after epoch \d; lower the rate\."):
        train(rate=1e20)
