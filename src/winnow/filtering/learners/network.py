"""Winnow's network `small`, trained from nothing on the pixels of the kept images, always with as many steps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from winnow.device import best_device, seeded, threads
from winnow.filtering.learners.learner import Finished, Judged, OneByOne, passes
from winnow.models.classifier import Classification
from winnow.models.networks import find_network
from winnow.models.predict import predict
from winnow.models.recipe import Recipe, compute_dtype, named_recipe
from winnow.models.trainer import fit
from winnow.progress import Reporter

SIDE = 32
"""Of the pixels that `small` brings every image to."""
BATCH = 64
_NETWORK, _ASKED_AT_ONCE = "small", 256
_RECIPE = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4, "precision": "float32"}


def network_learner(pixels: np.ndarray, labels: np.ndarray, *, steps: int, file: Path) -> OneByOne:
    """The network as what learns in a comparison.

    Args:
        pixels: (N, H, W, 3) uint8.
        labels: (N,) int64 in [0, K).
        steps: of each training.
        file: for what is trained, JSON.
    """
    classes = int(labels.max()) + 1

    def train(kept: np.ndarray, asked: np.ndarray, seed: int, report: Reporter) -> Judged:
        network = trained(pixels[kept], labels[kept], num_classes=classes, steps=steps, seed=seed, report=report)
        return Judged(accuracy(network, pixels[asked], labels[asked]), len(asked))

    settings = {"learner": "network", "steps": steps, "batch": BATCH, "torch": torch.__version__, **_RECIPE}
    settings["device"] = best_device().type
    return OneByOne("network", train, Finished(file, settings, {"pixels": pixels, "labels": labels}))


def trained(
    pixels: np.ndarray,
    labels: np.ndarray,
    *,
    num_classes: int,
    steps: int,
    seed: int,
    report: Reporter | None = None,
    description: str = "train",
) -> nn.Module:
    """The network after its last step, by one cycle of the learning rate: no epoch is chosen, and no image asked.

    The same arguments give the same bits on the same machine's CPU.

    Args:
        pixels: (N, H, W, 3) uint8, N at least 1.
        labels: (N,) int64 in [0, `num_classes`).
        num_classes: K.
        steps: of 64 images each, all of which come before any comes again.
        seed: of the first weights and the order of the images.
        report: as in `winnow.models.trainer.fit`.
        description: what the progress display and errors call this training.

    Raises:
        WinnowError: if the loss stops being finite.
    """
    recipe = named_recipe("fast", epochs=1, batch_size=BATCH, **_RECIPE)
    device, entry = best_device(), find_network(_NETWORK)
    with seeded(seed, device), threads(recipe.threads):
        network = entry.build(num_classes).to(device).to(memory_format=torch.channels_last)
        fit(
            network,
            _FixedSteps(network, pixels, labels, recipe=recipe, seed=seed, device=device, steps=steps),
            recipe.optimizer_of(network, device),
            epochs=recipe.epochs,
            learning_rate_at=recipe.learning_rate_at,
            description=description,
            remedy="look at the images that were kept",
            report=report,
            record=recipe.batch_size if entry.steps_alike else None,
        )
    return network.eval()


def accuracy(network: nn.Module, pixels: np.ndarray, labels: np.ndarray) -> float:
    """Share of (N, H, W, 3) uint8 images whose most probable class is the label, (N,) int64."""
    return float((predict(network, pixels, batch_size=_ASKED_AT_ONCE).argmax(axis=1) == labels).mean())


class _FixedSteps(Classification):
    """Cross-entropy of labelled images, in as many steps however few there are."""

    def __init__(
        self,
        network: nn.Module,
        pixels: np.ndarray,
        labels: np.ndarray,
        *,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        steps: int,
    ) -> None:
        dtype = compute_dtype(recipe.precision, device)
        super().__init__(network, pixels, labels, recipe=recipe, seed=seed, dtype=dtype, device=device)
        order = passes(len(pixels), steps=steps, batch_size=recipe.batch_size, seed=seed)
        self._batches = [torch.from_numpy(batch).to(device) for batch in order]
        self.images_per_epoch = steps * recipe.batch_size

    def batches(self, epoch: int) -> Sequence[Tensor]:
        return self._batches
