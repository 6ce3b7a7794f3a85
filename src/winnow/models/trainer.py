"""The training loop: steps, callbacks around them, and checkpoints that a kill leaves whole.

Every network of the project is trained here: the classifiers that the data are judged by (`models/classifier.py`) and
the networks of the encoders that are fitted on the data (`encoders/fitted/`). What differs between them is handed in:
an `Objective`, an optimizer, a schedule and callbacks.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from winnow.checkpoint import load_checkpoint, save_checkpoint
from winnow.device import exact_arithmetic, random_state, set_random_state
from winnow.errors import WinnowError
from winnow.models.recorded_step import RecordedStep
from winnow.progress import Reporter, progress


class Objective(Protocol):
    """What a training minimises.

    Attributes:
        images_per_epoch: images in all batches of an epoch.
    """

    images_per_epoch: int

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """The steps of an epoch, counted from 1: (B,) int64 positions of images each, on the network's device."""

    def loss(self, batch: Tensor) -> Tensor:
        """Mean loss of the images at these positions: a scalar that `backward` is called on."""

    def state_dict(self) -> dict[str, Any]:
        """What changes from epoch to epoch, such as the state of a random generator; for a checkpoint."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`'s result."""


@dataclass
class Run:
    """A training under way, as callbacks see it.

    Attributes:
        network: what is trained.
        optimizer: its optimizer; "lr" of its groups is the learning rate of the current step, where steps are recorded
            a tensor that the next step fills anew.
        epochs: epochs of the whole training.
        curve: a row per finished epoch: `epoch` counted from 1, `train_loss` (mean over the epoch's images, of what the
            objective minimises), `learning_rate` (of the epoch's first step), and what callbacks add.
        note: shown by the progress display; of the epoch that ended last.
        stop: a callback sets it to end the training after the current epoch.
        images_per_second: of the fastest epoch, callbacks at its end not counted; 0 before the first.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    epochs: int
    curve: list[dict[str, float]] = field(default_factory=list)
    note: str = ""
    stop: bool = False
    images_per_second: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left to train."""
        return self.stop or len(self.curve) >= self.epochs


class Callback:
    """What is done around the steps of a training; each method does nothing unless it is overridden."""

    def after_backward(self, run: Run, batch: Tensor) -> None:
        """Called before a step is taken: parameters of `run.network` hold the gradients of the batch's mean loss.

        Args:
            run: the training.
            batch: (B,) int64 positions of the batch's images.
        """

    def after_step(self, run: Run, batch: Tensor) -> None:
        """Called when a step has changed the weights; `batch` as in `after_backward`."""

    def after_epoch(self, run: Run) -> None:
        """Called when the epoch's row stands at the end of `run.curve`; it may add to that row, or set `run.stop`."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`'s result."""


def fit(
    network: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    learning_rate_at: Callable[[int, int, int], float],
    callbacks: Sequence[Callback] = (),
    checkpoint: Path | None = None,
    checkpoint_share: float = 0.05,
    description: str,
    remedy: str,
    report: Reporter | None = None,
    record: int | None = None,
) -> Run:
    """Train a network in place.

    The same arguments under the same `winnow.device.seeded` give the same bits on the same machine's CPU; on a GPU
    cuDNN is held to deterministic kernels. A run that was killed and is started again with the same arguments
    continues after the last epoch that it wrote a checkpoint of, and ends with the bits of an uninterrupted one: random
    numbers that the forward pass draws (dropout, drop path) included.

    Args:
        network: on the device to train on.
        objective: the batches of an epoch, and their loss.
        optimizer: of the network's parameters; a group with an `lr_scale` learns at that multiple of the rate.
        epochs: passes over the images.
        learning_rate_at: from the epoch (counted from 1), the step (of the epoch, from 0) and the steps per epoch to
            the step's learning rate.
        callbacks: called in this order.
        checkpoint: file that this very training alone writes (see `winnow.checkpoint.fingerprint`); None writes none.
            The caller removes it.
        checkpoint_share: most of the time that writing checkpoints may take, at least 0: a GPU is done with an epoch
            sooner than a disk. The first epoch and the last always have one.
        description: what the progress display and errors call this training.
        remedy: what to do if the loss stops being finite, for the error.
        report: called with the number of images after each step, and at first with those of epochs trained before; None
            shows a display of its own.
        record: on a GPU, the size of the batches whose step is recorded once and replayed (`models/recorded_step.py`);
            None records nothing. A replayed step calls no callback's `after_backward`.

    Returns:
        The finished run.

    Raises:
        WinnowError: if the loss, or a number that a callback adds to the curve, stops being finite; or if the
            checkpoint is not of such a training.
    """
    run = Run(network, optimizer, epochs)
    with exact_arithmetic():
        if checkpoint and (saved := load_checkpoint(checkpoint)):
            try:
                _restore(run, objective, callbacks, saved)
            except torch.OutOfMemoryError:
                raise  # a RuntimeError, too, and no fault of the checkpoint's
            except (KeyError, TypeError, ValueError, RuntimeError):
                raise WinnowError(
                    f"{description}: another version of winnow wrote the checkpoint {checkpoint}; delete it, and start "
                    "again."
                ) from None
        start, writing = time.monotonic(), 0.0
        images = objective.images_per_epoch
        with (
            _display(report, description, epochs * images, done=len(run.curve) * images) as report,
            _steps(run, objective, callbacks, record) as take_step,
        ):
            while not run.is_over:
                _train_epoch(run, objective, take_step, learning_rate_at, callbacks, report)
                for callback in callbacks:
                    callback.after_epoch(run)
                if not all(map(math.isfinite, run.curve[-1].values())):
                    raise WinnowError(f"{description}: the loss is not finite after epoch {len(run.curve)}; {remedy}.")
                before = time.monotonic()
                if checkpoint and (run.is_over or writing <= checkpoint_share * (before - start)):
                    save_checkpoint(checkpoint, _content(run, objective, callbacks))
                    writing += time.monotonic() - before
    return run


@contextmanager
def _display(report: Reporter | None, description: str, total: int, *, done: int) -> Iterator[Reporter]:
    """The caller's report, told of what was done before, or one with a display of its own."""
    if report is None:
        with progress(description, total, done=done) as own:
            yield own
    else:
        if done:
            report(done, "trained before")
        yield report


@contextmanager
def _steps(
    run: Run, objective: Objective, callbacks: Sequence[Callback], record: int | None
) -> Iterator[Callable[[Tensor], Tensor]]:
    """What changes the weights by a batch and returns its mean loss; `after_step` is not part of it."""

    def by_hand(batch: Tensor) -> Tensor:
        loss = objective.loss(batch)
        loss.backward()
        for callback in callbacks:
            callback.after_backward(run, batch)
        run.optimizer.step()
        # Here, and not before the next backward pass: a CUDA graph would find its memory in use.
        run.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    device = _device(run.network)
    if record is None or device.type != "cuda":
        yield by_hand
        return
    stream = torch.cuda.Stream(device)  # the one that is there from the start cannot be recorded
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield RecordedStep(by_hand, run.optimizer, batch_size=record, device=device)
    torch.cuda.current_stream(device).wait_stream(stream)


def _train_epoch(
    run: Run,
    objective: Objective,
    take_step: Callable[[Tensor], Tensor],
    learning_rate_at: Callable[[int, int, int], float],
    callbacks: Sequence[Callback],
    report: Reporter,
) -> None:
    """One pass over the images, and its row of the curve. The device is waited for once, at the end."""
    epoch = len(run.curve) + 1
    batches = objective.batches(epoch)
    run.network.train()
    total, seen = torch.zeros((), device=_device(run.network)), 0
    start = time.perf_counter()
    for step, batch in enumerate(batches):
        _set_learning_rate(run.optimizer, learning_rate_at(epoch, step, len(batches)))
        total += take_step(batch) * len(batch)
        for callback in callbacks:
            callback.after_step(run, batch)
        seen += len(batch)
        speed = seen / (time.perf_counter() - start)
        report(len(batch), f"epoch {epoch}/{run.epochs}, {speed:.0f} images/s{run.note}")
    train_loss = (total / seen).item()  # waits for the device
    run.images_per_second = max(run.images_per_second, seen / (time.perf_counter() - start))
    run.note = f", loss {train_loss:.3f}"
    run.curve.append(
        {"epoch": epoch, "train_loss": train_loss, "learning_rate": learning_rate_at(epoch, 0, len(batches))}
    )


def _set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        own = rate * group.get("lr_scale", 1.0)
        if isinstance(group["lr"], Tensor):  # a recorded step reads it there
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def _content(run: Run, objective: Objective, callbacks: Sequence[Callback]) -> dict[str, Any]:
    return {
        "network": run.network.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "objective": objective.state_dict(),
        "callbacks": [callback.state_dict() for callback in callbacks],
        "curve": run.curve,
        "stop": run.stop,
        "random": random_state(_device(run.network)),
    }


def _restore(run: Run, objective: Objective, callbacks: Sequence[Callback], saved: dict[str, Any]) -> None:
    run.network.load_state_dict(saved["network"])
    run.optimizer.load_state_dict(saved["optimizer"])
    objective.load_state_dict(saved["objective"])
    for callback, state in zip(callbacks, saved["callbacks"], strict=True):
        callback.load_state_dict(state)
    run.curve, run.stop = saved["curve"], saved["stop"]
    set_random_state(saved["random"], _device(run.network))


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
