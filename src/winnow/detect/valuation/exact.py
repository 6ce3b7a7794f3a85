"""The exact influence of every image: back through a real training, an epoch at a time, without its whole path."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.checkpoint import load_checkpoint, save_checkpoint
from winnow.detect.valuation.adjoint import Adjoint
from winnow.detect.valuation.epochs import load_epoch
from winnow.detect.valuation.per_sample import flat_parameters, losses_of
from winnow.detect.valuation.trajectory import Followed, WatchedLoss
from winnow.device import exact_arithmetic, random_state, seeded, set_random_state
from winnow.errors import WinnowError
from winnow.models.predict import to_input
from winnow.models.recipe import Recipe
from winnow.progress import Reporter, progress

_BATCH = 64
_LARGEST_GAP = 0.01  # between an epoch's end when replayed and when trained, as a share of the epoch's way


def exact_influence(
    followed: Followed,
    *,
    recipe: Recipe,
    seed: int,
    epoch_states: Path,
    device: torch.device,
    description: str = "value_images, exact influence",
) -> np.ndarray:
    """The derivative of the mean reference loss after a training in each image's weight, with curvature.

    The reference loss is that of the final weights in evaluation mode; its running statistics, those of
    `Trajectory.final`, are held fixed. In training, a batch's loss and all its derivatives go through the batch's own
    statistics, and an image of any weight stays part of these. Derivatives are taken in float32, whatever precision the
    training computed in.

    From the last epoch to the first, each is trained again from its start, and then gone through backwards
    (`Adjoint.step_back`). That takes about seven times as long as the training with `competition` and four times with
    `resnet34`, for all images at once, and the memory of a double backward pass of one batch, three times a training
    step's, and of a few vectors of P numbers; in a temporary file, P numbers for each step of one epoch.

    A run that was killed goes on after the last epoch that it went through, and ends with the same bits on the same
    machine's CPU.

    Args:
        followed: its trajectory by `follow` with the same `recipe`, `seed`, `epoch_states` and `device`; its network of
            layers that can be differentiated twice.
        recipe, seed: of the training.
        epoch_states: folder of the training's states; the finished part is kept there, too, for a run after a kill.
        device: where to compute.
        description: what the progress display calls this.

    Returns:
        (N,) float64: positive harms, as more of the image raises the loss; exactly 0 for an image in no batch.

    Raises:
        WinnowError: if an epoch that is trained again does not end where it did in the training, or a state of it is
            gone or damaged.
    """
    network = followed.network.to(device).to(memory_format=torch.channels_last)
    file = epoch_states / f"{followed.key}-adjoint.pt"
    watched = WatchedLoss(network, followed.pixels, followed.labels, recipe=recipe, seed=seed, device=device)
    with exact_arithmetic(), seeded(seed, device):
        saved = load_checkpoint(file)
        if saved is None:
            gradient = _reference_gradient(followed, device=device)
            adjoint, left = Adjoint.at_end(gradient, num_images=len(followed.pixels)), recipe.epochs
        else:
            adjoint = Adjoint(**{name: value.to(device) for name, value in saved["adjoint"].items()})
            left = saved["left"]
        images = watched.images_per_epoch
        with progress(description, recipe.epochs * images, done=(recipe.epochs - left) * images) as report:
            for epoch in range(left, 0, -1):
                start, end = (load_epoch(epoch_states, followed.trajectory.key, at) for at in (epoch - 1, epoch))
                _back_through(adjoint, network, watched, recipe, epoch, start, end, folder=epoch_states, report=report)
                save_checkpoint(file, {"adjoint": vars(adjoint), "left": epoch - 1})
    return adjoint.of_weights.cpu().numpy()


def _reference_gradient(followed: Followed, *, device: torch.device) -> Tensor:
    """(P,): of the mean reference loss at the training's end, in evaluation mode."""
    network, pixels = followed.network, followed.reference_pixels
    network.load_state_dict(followed.trajectory.final)
    network.eval()
    parameters = list(network.parameters())
    total = torch.zeros_like(flat_parameters(network))
    targets = torch.tensor(np.asarray(followed.reference_labels), dtype=torch.int64, device=device)
    for start in range(0, len(pixels), _BATCH):
        rows = slice(start, start + _BATCH)
        images = to_input(torch.as_tensor(pixels[rows]).to(device))
        loss = cross_entropy(network(images), targets[rows], reduction="sum")
        gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        total += torch.cat([gradient.reshape(-1) for gradient in gradients])
    return total / len(pixels)


def _back_through(
    adjoint: Adjoint,
    network: nn.Module,
    watched: WatchedLoss,
    recipe: Recipe,
    epoch: int,
    start: dict[str, Any],
    end: dict[str, Any],
    *,
    folder: Path,
    report: Reporter,
) -> None:
    """Take the adjoint from an epoch's end to its start."""
    batches = watched.batches(epoch)
    rates = [recipe.learning_rate_at(epoch, step, len(batches)) for step in range(len(batches))]
    with TemporaryFile(dir=folder) as path:
        drawn = _replay(network, watched, recipe, batches, rates, start, path)
        _check_end(network, start["network"], end["network"], epoch)
        device = adjoint.of_parameters.device
        for step in reversed(range(len(batches))):
            batch = batches[step]
            set_random_state(drawn[step], device)
            adjoint.step_back(
                losses_of(network, *watched.images(batch)),
                _row(path, step, len(adjoint.of_parameters)).to(device),
                batch,
                learning_rate=rates[step],
                momentum=recipe.momentum,
                weight_decay=recipe.weight_decay,
            )
            report(len(batch), f"back in epoch {epoch}/{recipe.epochs}")


def _replay(
    network: nn.Module,
    watched: WatchedLoss,
    recipe: Recipe,
    batches: Sequence[Tensor],
    rates: Sequence[float],
    start: dict[str, Any],
    path: IO[bytes],
) -> list[dict[str, Tensor]]:
    """Train an epoch again from its start, as `trainer.fit` does.

    Args:
        path: is written the weights before each step: T x P float32.

    Returns:
        The state of the random numbers before each step.
    """
    device = next(network.parameters()).device
    optimizer = recipe.optimizer_of(network, device)
    network.load_state_dict(start["network"])
    optimizer.load_state_dict(start["optimizer"])
    set_random_state(start["random"], device)
    network.train()
    drawn = []
    for batch, rate in zip(batches, rates, strict=True):
        path.write(flat_parameters(network).cpu().numpy().data)
        drawn.append(random_state(device))
        watched.loss(batch).backward()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return drawn


def _row(path: IO[bytes], row: int, size: int) -> Tensor:
    path.seek(row * size * torch.float32.itemsize)
    return torch.frombuffer(bytearray(path.read(size * torch.float32.itemsize)), dtype=torch.float32)


def _check_end(network: nn.Module, start: dict[str, Tensor], end: dict[str, Tensor], epoch: int) -> None:
    names = [name for name, _ in network.named_parameters()]
    before, trained = (torch.cat([state[name].reshape(-1) for name in names]) for state in (start, end))
    gap, way = (flat_parameters(network).cpu() - trained).norm(), (trained - before).norm()
    if not gap <= _LARGEST_GAP * way:
        raise WinnowError(
            f"epoch {epoch} of the followed training, trained again, ends {gap:.3g} away from where it did, and is "
            f"{way:.3g} long: its states are of another machine or device; delete .winnow/scratch, and start again."
        )
