"""Training of a classifier from scratch by a fixed recipe: what the data are judged by.

Measured with ResNet-34 at 64x64 and batches of 128 on an Intel Xeon with AMX, in images per CPU second: 174 in bfloat16
and channels_last with small maps by matrix products (`models/small_maps.py`), 80 without them (docs/benchmarks.md).
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.checkpoint import fingerprint
from winnow.device import best_device, seeded, threads
from winnow.errors import WinnowError, require_labels
from winnow.models.average import WeightAverage
from winnow.models.best_epoch import BestEpoch
from winnow.models.networks import find_network
from winnow.models.order import DrawnOrder
from winnow.models.predict import to_input
from winnow.models.recipe import Recipe, compute_dtype
from winnow.models.small_maps import SmallMaps
from winnow.models.trainer import Callback, fit

CURVE_COLUMNS = ["epoch", "train_loss", "validation_loss", "validation_balanced_accuracy", "learning_rate"]


@dataclass(frozen=True)
class TrainResult:
    """A finished run.

    Attributes:
        state: weights of the best epoch, on the CPU.
        best_epoch: counted from 1; the first of those with the highest `best_score`.
        best_score: balanced or plain accuracy on the validation set, as the recipe's `selection` says; in [0, 1].
        images_per_second: of the fastest epoch, validation not counted; 0 if a checkpoint left nothing to train.
        curve: a row per epoch: epoch, train_loss (mean over the images trained on, of what the recipe minimises),
            validation_loss, validation_balanced_accuracy, learning_rate (of the epoch's first step), and
            validation_accuracy where that selects.
    """

    state: dict[str, Tensor]
    best_epoch: int
    best_score: float
    images_per_second: float
    curve: pd.DataFrame

    def __str__(self) -> str:
        return f"{self.best_score:.2%} on the validation set in epoch {self.best_epoch}"


def train_classifier(
    pixels: np.ndarray,
    labels: np.ndarray,
    validation_pixels: np.ndarray,
    validation_labels: np.ndarray,
    *,
    num_classes: int,
    recipe: Recipe,
    seed: int,
    scratch: Path | None = None,
    checkpoint_share: float = 0.05,
    device: torch.device | None = None,
    network: str = "resnet34",
    description: str = "train",
) -> TrainResult:
    """Train a network from scratch and keep the epoch that is best on the validation set.

    The same arguments give the same bits on the same machine's CPU, killed and resumed or not (see
    `winnow.models.trainer.fit`). The images are resident on the device as uint8.

    Args:
        pixels: (N, H, W, 3) uint8, or float32 in [0, 255], N at least 2.
        labels: (N,) integers in [0, K).
        validation_pixels: (M, H, W, 3) likewise, M at least 1.
        validation_labels: (M,) integers in [0, K).
        num_classes: K.
        recipe: how to train.
        seed: decides the initial weights, the order of the images, and the random numbers of the forward pass.
        scratch: folder for the checkpoint, three times the network's size (four with an average of the weights); None
            writes none. The caller removes it.
        checkpoint_share: as in `fit`.
        device: where to train; None takes `best_device`.
        network: its name, as `find_network` takes it.
        description: what the progress display and errors call this run.

    Raises:
        WinnowError: if a set is too small, a label lies outside [0, K), there is no such network or it does not take
            images of this size, or the loss stops being finite.
        ValueError: if pixels and labels differ in length, or pixels are neither uint8 nor float32 (N, H, W, 3).
    """
    _check_set("training", pixels, labels, num_classes=num_classes, least=2)
    _check_set("validation", validation_pixels, validation_labels, num_classes=num_classes, least=1)
    device = device or best_device()
    dtype = compute_dtype(recipe.precision, device)
    entry = find_network(network)
    with seeded(seed, device):
        module = entry.build(num_classes)  # on the CPU, so that every device starts from the same weights
        entry.check_image_size(module, *pixels.shape[1:3])
        checkpoint = None
        if scratch:
            settings = {"network": network, "recipe": asdict(recipe), "seed": seed}
            settings |= {"run on": [device.type, str(dtype), torch.__version__]}
            arrays = {"pixels": pixels, "labels": labels}
            arrays |= {"validation_pixels": validation_pixels, "validation_labels": validation_labels}
            arrays |= {f"weights.{name}": tensor.numpy() for name, tensor in module.state_dict().items()}
            checkpoint = Path(scratch) / f"{fingerprint(settings, arrays)}.pt"
        module.to(device).to(memory_format=torch.channels_last)
        average = WeightAverage(module, recipe.average_decay) if recipe.average_decay else None
        best = BestEpoch(
            average.network if average else module,
            torch.as_tensor(validation_pixels).to(device),
            validation_labels,
            num_classes=num_classes,
            batch_size=recipe.batch_size,
            patience=recipe.patience,
            selection=recipe.selection,
        )
        callbacks: list[Callback] = [average, best] if average else [best]
        with threads(recipe.threads):
            run = fit(
                module,
                Classification(module, pixels, labels, recipe=recipe, seed=seed, dtype=dtype, device=device),
                recipe.optimizer_of(module, device),
                epochs=recipe.epochs,
                learning_rate_at=recipe.learning_rate_at,
                callbacks=callbacks,
                checkpoint=checkpoint,
                checkpoint_share=checkpoint_share,
                description=description,
                remedy="lower the recipe's learning_rate under train in params.yaml",
                record=recipe.batch_size if entry.steps_alike and not recipe.compile else None,
            )
    return TrainResult(
        state=best.state,
        best_epoch=best.epoch,
        best_score=best.score,
        images_per_second=run.images_per_second,
        curve=pd.DataFrame(
            run.curve, columns=CURVE_COLUMNS + ["validation_accuracy"] * (recipe.selection == "accuracy")
        ),
    )


class Classification:
    """The recipe's objective: cross-entropy of labelled images, all of them in an order drawn anew each epoch."""

    def __init__(
        self,
        network: nn.Module,
        pixels: np.ndarray,
        labels: np.ndarray,
        *,
        recipe: Recipe,
        seed: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._pixels = torch.as_tensor(pixels).to(device)  # (N, H, W, 3) uint8: a quarter of the size of floats
        self._labels = torch.tensor(labels, dtype=torch.int64, device=device)
        self._loss_of = _loss_function(network, recipe, dtype=dtype, device=device)
        self._order = DrawnOrder(len(pixels), batch_size=recipe.batch_size, seed=seed, device=device)
        self.images_per_epoch = self._order.images

    def batches(self, epoch: int) -> Sequence[Tensor]:
        return self._order.batches(epoch)

    def loss(self, batch: Tensor) -> Tensor:
        return self._loss_of(self._pixels.index_select(0, batch), self._labels[batch])

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def _loss_function(
    network: nn.Module, recipe: Recipe, *, dtype: torch.dtype, device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    """Make the function from (B, H, W, 3) uint8 pixels and (B,) int64 targets to the mean loss, compiled if wanted."""

    by_products = device.type == "cpu" and dtype == torch.bfloat16 and not recipe.compile
    small_maps = SmallMaps() if by_products else nullcontext()

    def loss_of(pixels: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16), small_maps:
            logits = network(to_input(pixels))  # (B, K)
        return cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)

    if not recipe.compile:
        return loss_of
    compiled = torch.compile(loss_of, mode="reduce-overhead" if device.type == "cuda" else None, dynamic=False)

    def loss_of_batch(pixels: Tensor, targets: Tensor) -> Tensor:
        if len(pixels) != recipe.batch_size:  # the last one: compiling for its size costs more than it gives
            return loss_of(pixels, targets)
        torch.compiler.cudagraph_mark_step_begin()
        return compiled(pixels, targets)

    return loss_of_batch


def _check_set(what: str, pixels: np.ndarray, labels: np.ndarray, *, num_classes: int, least: int) -> None:
    if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype not in (np.uint8, np.float32):
        raise ValueError(f"{what} pixels are {pixels.dtype} {pixels.shape}, not uint8 or float32 (N, H, W, 3)")
    if len(pixels) != len(labels):
        raise ValueError(f"{len(pixels)} {what} images but {len(labels)} labels")
    if len(pixels) < least:
        raise WinnowError(f"the {what} set holds {len(pixels)} images, {least} are needed; loosen curate's thresholds.")
    require_labels(num_classes)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise WinnowError(
            f"the {what} set holds labels {labels.min()} to {labels.max()}, but the {num_classes} classes "
            f"are 0 to {num_classes - 1}; run 'dvc repro' so that every stage sees the same classes."
        )
