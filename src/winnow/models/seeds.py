"""Networks that differ in their seed alone, one after the other, with their weights on disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.models.classifier import TrainResult, train_classifier
from winnow.models.recipe import Recipe
from winnow.models.weights import save_model


def train_seeds(
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    seeds: Sequence[int],
    folder: Path,
    *,
    network: str,
    num_classes: int,
    recipe: Recipe,
    scratch: Path,
    description: str,
) -> dict[int, TrainResult]:
    """Train a network for each seed, and write `seed-<seed>.safetensors` as soon as it is done.

    Args:
        training, validation: pixels and labels, as `train_classifier` takes them.
        seeds: one network each.
        folder: for the weights.
        network, num_classes, recipe, scratch: as `train_classifier` takes them.
        description: what the progress display calls them, each with its seed.

    Raises:
        WinnowError: as `train_classifier`.
    """
    results = {}
    for seed in seeds:
        results[seed] = train_classifier(
            *training,
            *validation,
            num_classes=num_classes,
            network=network,
            recipe=recipe,
            seed=seed,
            scratch=scratch,
            description=f"{description}, seed {seed}",
        )
        save_model(results[seed].state, folder / f"seed-{seed}.safetensors", network=network, num_classes=num_classes)
    return results


def curves(results: dict[int, TrainResult]) -> pd.DataFrame:
    """The curves of all seeds, one below the other, with a column `seed`."""
    return pd.concat(result.curve.assign(seed=seed) for seed, result in results.items())


def in_words(results: dict[int, TrainResult]) -> str:
    """Each seed's best epoch."""
    return "; ".join(f"seed {seed}: {result}" for seed, result in results.items())
