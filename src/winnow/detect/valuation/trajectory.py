"""One training by SGD, followed: its weights after some epochs, and how much each image moved them in between."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.checkpoint import fingerprint
from winnow.detect.valuation.epochs import KeptEpochs
from winnow.device import seeded
from winnow.models.networks import find_network
from winnow.models.order import DrawnOrder
from winnow.models.predict import to_input
from winnow.models.recipe import Recipe, compute_dtype
from winnow.models.trainer import Callback, Run, fit

_RECALIBRATION_BATCH = 256


@dataclass(frozen=True)
class Trajectory:
    """What is kept of a training on N images.

    The steps of an epoch belong to the last checkpoint before it, those before the first checkpoint to that one.

    Attributes:
        states: weights at each of the C checkpoints, on the CPU, with recalibrated statistics.
        final: weights at the end, likewise.
        step_weights: (C, N) float64, at least 0 without weight decay: how far the final weights move against the
            image's gradient at the checkpoint, per unit of that gradient; 0 for an image in no batch.
        learning_rates: (C, N) float64: the sum of the learning rates of the image's steps, each over its batch's size.
        margins: (N,) float64, the mean over the steps with the image of the logit of the given label less the highest
            other, as the network stood then; 0 for an image in no batch.
        key: digest of all that decided the training.
    """

    states: list[dict[str, Tensor]]
    final: dict[str, Tensor]
    step_weights: np.ndarray
    learning_rates: np.ndarray
    margins: np.ndarray
    key: str


@dataclass(frozen=True)
class Followed:
    """A followed training, the images that it was of, and those by which they are valued.

    Attributes:
        network: of the trajectory's weights; who computes with it leaves it with others.
        trajectory: of a training on these images.
        pixels: (N, H, W, 3) uint8, or float32 in [0, 255].
        labels: (N,) integers in [0, K), as given.
        reference_pixels, reference_labels: (J, H, W, 3) and (J,): images whose labels are right, not trained on.
    """

    network: nn.Module
    trajectory: Trajectory
    pixels: np.ndarray
    labels: np.ndarray
    reference_pixels: np.ndarray
    reference_labels: np.ndarray

    @property
    def key(self) -> str:
        """Digest of all that decides the values."""
        reference = {"pixels": self.reference_pixels, "labels": np.asarray(self.reference_labels)}
        return fingerprint({"trajectory": self.trajectory.key}, reference)


def follow(
    pixels: np.ndarray,
    labels: np.ndarray,
    *,
    num_classes: int,
    network: str,
    recipe: Recipe,
    checkpoints: Sequence[int],
    recalibration_images: int,
    seed: int,
    scratch: Path | None = None,
    epoch_states: Path | None = None,
    device: torch.device,
    description: str = "value_images",
) -> Trajectory:
    """Train a network from scratch and keep what its images did to it.

    A run that was killed goes on after its last checkpoint file and ends with the same bits on the same machine's CPU.

    Args:
        pixels: (N, H, W, 3) uint8, or float32 in [0, 255].
        labels: (N,) integers in [0, K), as given.
        num_classes: K.
        network: a name, as `find_network` takes it.
        recipe: plain SGD, with or without momentum and weight decay, any schedule, no label smoothing.
        checkpoints: the epochs after which weights are kept, rising; 0 keeps those of the start.
        recalibration_images: how many images set the running statistics of a checkpoint anew, at least 2; see
            `recalibrate`.
        seed: of the weights and of the order of the images.
        scratch: folder for the file from which a killed run goes on; None writes none. The caller removes it.
        epoch_states: folder for the states that `exact_influence` goes back by, see `KeptEpochs`; None keeps none. A
            training that was followed without them is followed again, from another file in `scratch`.
        device: where to train.
        description: what the progress display calls this training.

    Raises:
        ValueError: if the recipe is another one than plain SGD, a checkpoint is no epoch of it, or fewer than two
            images recalibrate.
        WinnowError: if the loss stops being finite, or there is no such network.
    """
    if recipe.optimizer != "sgd" or recipe.nesterov or recipe.label_smoothing or recipe.average_decay:
        raise ValueError("only plain SGD without label smoothing and averages can be followed")
    if sorted(set(checkpoints)) != list(checkpoints) or not 0 <= checkpoints[0] <= checkpoints[-1] < recipe.epochs:
        raise ValueError(f"checkpoints are {list(checkpoints)}, not rising numbers from 0 to {recipe.epochs - 1}")
    if recalibration_images < 2:
        raise ValueError(f"recalibration_images is {recalibration_images}; one image has no statistics")
    with seeded(seed, device):
        module = find_network(network).build(num_classes)
        settings = {"network": network, "recipe": asdict(recipe), "checkpoints": list(checkpoints), "seed": seed}
        settings |= {"run on": [device.type, torch.__version__], "classes": num_classes}
        settings |= {"recalibration_images": recalibration_images}
        arrays = {"pixels": pixels, "labels": np.asarray(labels)}
        arrays |= {f"weights.{name}": tensor.numpy() for name, tensor in module.state_dict().items()}
        key = fingerprint(settings, arrays)
        module.to(device).to(memory_format=torch.channels_last)
        watched = WatchedLoss(module, pixels, labels, recipe=recipe, seed=seed, device=device)
        optimizer = recipe.optimizer_of(module, device)
        kept = _Kept(module, checkpoints)
        callbacks = [kept, KeptEpochs(module, optimizer, epoch_states, key)] if epoch_states else [kept]
        fit(
            module,
            watched,
            optimizer,
            epochs=recipe.epochs,
            learning_rate_at=recipe.learning_rate_at,
            callbacks=callbacks,
            checkpoint=scratch and Path(scratch) / f"{key}{'-epochs' if epoch_states else ''}.pt",
            description=description,
            remedy="lower valuation.learning_rate in params.yaml",
        )
    drawn = np.random.default_rng([seed, 0]).permutation(len(pixels))[:recalibration_images]
    images = torch.as_tensor(pixels[np.sort(drawn)])
    final = {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}
    step, rates, times = _shares(watched, recipe, checkpoints)
    return Trajectory(
        states=[recalibrate(module, state, images) for state in kept.states],
        final=recalibrate(module, final, images),
        step_weights=step,
        learning_rates=rates,
        margins=watched.margins.cpu().numpy() / np.maximum(times, 1),
        key=key,
    )


def step_weights(learning_rates: np.ndarray, *, momentum: float, weight_decay: float = 0.0) -> np.ndarray:
    """How far each step's gradient moved the final weights, the change of later gradients left out.

    Without weight decay that of step t is the sum over s >= t of learning_rate[s] * momentum ** (s - t): the velocity
    carries a gradient through all later steps.

    Args:
        learning_rates: (T,) float, of each step.
        momentum: of SGD as torch has it: v = momentum * v + gradient + weight_decay * w; w = w - learning_rate * v.
        weight_decay: as there.

    Returns:
        (T,) float64: minus the derivative of the final weights in the step's gradient, the curvature taken as 0.
    """
    result = np.zeros(len(learning_rates))
    of_weights, of_velocity = (
        1.0,
        0.0,
    )  # derivatives of the final weights in the weights, and in the velocity, of a step
    for step in reversed(range(len(learning_rates))):
        of_velocity = momentum * of_velocity - learning_rates[step] * of_weights
        of_weights += weight_decay * of_velocity
        result[step] = -of_velocity
    return result


@torch.no_grad()
def recalibrate(network: nn.Module, state: dict[str, Tensor], pixels: Tensor) -> dict[str, Tensor]:
    """The state with batch normalisation's running statistics made anew from images, as plain means over batches.

    Running statistics lag behind the weights: with Keras' momentum by hundreds of steps, so that early in a training a
    network in evaluation mode is another one than was trained, and its losses and gradients mean nothing. What
    statistics the state had has no influence on the result.

    Args:
        network: of these weights; left with them, in evaluation mode.
        state: its weights.
        pixels: (M, H, W, 3), on any device.
    """
    network.load_state_dict(state)
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    network.train()
    device = next(network.parameters()).device
    for batch in pixels.split(_RECALIBRATION_BATCH) if norms else ():
        if len(batch) > 1:
            network(to_input(batch.to(device)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


class WatchedLoss:
    """The objective: cross-entropy of all images in an order drawn anew each epoch; it sums up margins on the way."""

    def __init__(
        self,
        network: nn.Module,
        pixels: np.ndarray,
        labels: np.ndarray,
        *,
        recipe: Recipe,
        seed: int,
        device: torch.device,
    ) -> None:
        self._network = network
        self._pixels = torch.as_tensor(pixels).to(device)
        self._labels = torch.tensor(np.asarray(labels), dtype=torch.int64, device=device)
        self._dtype = compute_dtype(recipe.precision, device)
        self.margins = torch.zeros(len(pixels), dtype=torch.float64, device=device)
        # Each epoch's order follows from its number, so that the steps can be counted up again afterwards.
        self._order = DrawnOrder(len(pixels), batch_size=recipe.batch_size, seed=seed, device=device)
        self.images_per_epoch = self._order.images

    def batches(self, epoch: int) -> Sequence[Tensor]:
        return self._order.batches(epoch)

    def images(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) float32 in [0, 1] and (B,) labels."""
        return to_input(self._pixels[batch]), self._labels[batch]

    def loss(self, batch: Tensor) -> Tensor:
        images, targets = self.images(batch)
        with torch.autocast(self._pixels.device.type, torch.bfloat16, enabled=self._dtype == torch.bfloat16):
            logits = self._network(images)
        logits = logits.float()
        self.margins[batch] += margins_of(logits.detach(), targets).double()
        return cross_entropy(logits, targets)

    def state_dict(self) -> dict[str, Any]:
        return {"margins": self.margins}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.margins.copy_(state["margins"])


class _Kept(Callback):
    """Keeps the weights after the chosen epochs."""

    def __init__(self, network: nn.Module, epochs: Sequence[int]) -> None:
        self._network, self._epochs = network, epochs
        self.states: list[dict[str, Tensor]] = []
        self._keep(0)

    def after_epoch(self, run: Run) -> None:
        self._keep(len(run.curve))

    def _keep(self, epoch: int) -> None:
        if epoch in self._epochs:
            state = self._network.state_dict()
            self.states.append({name: tensor.detach().cpu().clone() for name, tensor in state.items()})

    def state_dict(self) -> dict[str, Any]:
        return {"states": self.states}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.states = state["states"]


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,): the logit of the given label less the highest other (Pleiss et al., arXiv 2001.10528)."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return own[:, 0] - others.amax(dim=1)


def _shares(
    watched: WatchedLoss, recipe: Recipe, checkpoints: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(C, N) step weights and learning rates, (N,) steps of each image: the whole path is drawn again, O(N) memory
    however many steps."""
    rates, places = [], []
    for epoch in range(1, recipe.epochs + 1):
        batches = watched.batches(epoch)
        rates += [recipe.learning_rate_at(epoch, step, len(batches)) for step in range(len(batches))]
        place = max(int(np.searchsorted(checkpoints, epoch - 1, side="right")) - 1, 0)
        places += [place] * len(batches)
    weights = step_weights(np.array(rates), momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    result, times = np.zeros((2, len(checkpoints), len(watched.margins))), np.zeros(len(watched.margins), np.int64)
    steps = (batch for epoch in range(1, recipe.epochs + 1) for batch in watched.batches(epoch))
    for batch, weight, rate, place in zip(steps, weights, rates, places, strict=True):
        rows = batch.cpu().numpy()
        result[0, place, rows] += weight / len(rows)
        result[1, place, rows] += rate / len(rows)
        times[rows] += 1
    return result[0], result[1], times
