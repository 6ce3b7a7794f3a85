"""A figure for a curated set within seconds: a small network that sees as many images of it, however many there are."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from winnow.evaluation.held_out import HeldOut
from winnow.metrics import balanced_accuracy
from winnow.models.classifier import train_classifier
from winnow.models.networks import find_network
from winnow.models.predict import predict
from winnow.models.recipe import Recipe

_BATCH_SIZE, _LEARNING_RATE, _MOMENTUM = 32, 0.02, 0.9


@dataclass(frozen=True)
class QuickFigures:
    """The result of `quick_check`.

    Attributes:
        accuracy: by set, the mean balanced accuracy over the seeds, in [0, 1]; `validation` first.
        images: in the curated set.
    """

    accuracy: Mapping[str, float]
    images: int

    @property
    def metrics(self) -> dict[str, float]:
        """For a metrics file."""
        return {f"quick_{name}": round(value, 4) for name, value in self.accuracy.items()}

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {value:.2%}" for name, value in self.accuracy.items())
        return f"a small network trained on the {self.images} curated images: {figures} (balanced accuracy)"


def quick_check(
    pixels: np.ndarray,
    labels: np.ndarray,
    validation: HeldOut,
    test_sets: Mapping[str, HeldOut],
    *,
    num_classes: int,
    network: str,
    images: int,
    seeds: list[int],
    device: torch.device | None = None,
) -> QuickFigures:
    """Train a small network on curated images, without copies, and judge it on every held-out set.

    It learns by plain cross-entropy, as the full training does, with nothing that keeps it from learning wrong labels.
    How well it ranks runs is measured by benchmarks/quick_check.py.

    Args:
        pixels: (N, H, W, 3) uint8.
        labels: (N,) in [0, K), as curated.
        validation: chooses the epoch.
        test_sets: by name; they choose nothing.
        num_classes: K.
        network: as `find_network` takes it.
        images: that the network sees in training, to whole epochs: the same for small and large sets.
        seeds: one network each.
        device: where to train; None takes `best_device`.
    """
    recipe = Recipe(
        epochs=max(1, round(images / len(pixels))),
        batch_size=_BATCH_SIZE,
        learning_rate=_LEARNING_RATE,
        momentum=_MOMENTUM,
        schedule="one_cycle",
        nesterov=True,
        precision="float32",
    )
    sets = {"validation": validation, **test_sets}
    found: dict[str, list[float]] = {name: [] for name in sets}
    for seed in seeds:
        trained = train_classifier(
            pixels,
            labels,
            validation.pixels[:],
            validation.labels,
            num_classes=num_classes,
            recipe=recipe,
            seed=seed,
            network=network,
            device=device,
            description="quick check",
        )
        module = find_network(network).build(num_classes)
        module.load_state_dict(trained.state)
        for name, held_out in sets.items():
            predicted = predict(module, held_out.pixels, batch_size=512, device=device).argmax(axis=1)
            found[name].append(balanced_accuracy(held_out.labels, predicted, num_classes=num_classes))
    return QuickFigures({name: float(np.mean(values)) for name, values in found.items()}, len(pixels))
