"""The trained networks of an arm, and what they predict."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from winnow.data.pixels import Pixels
from winnow.errors import WinnowError
from winnow.models.predict import predict
from winnow.models.weights import load_model
from winnow.progress import progress


def by_seed(folder: Path) -> dict[int, Path]:
    """An arm's weights, the files `seed-<s>.safetensors` of its folder, by seed and in the order of the seeds.

    Raises:
        WinnowError: if there are none.
    """
    found = {int(path.stem.removeprefix("seed-")): path for path in folder.glob("seed-*.safetensors")}
    if not found:
        raise WinnowError(f"{folder} holds no model; run 'dvc repro' to train it.")
    return dict(sorted(found.items()))


def predict_splits(
    networks: Mapping[int, Path], pixels: Mapping[str, Pixels], *, arm: str, num_classes: int, batch_size: int
) -> dict[str, np.ndarray]:
    """By split, (S, N, K) float logits: a row per network, in their order; `pixels` holds (N, H, W, 3) uint8 each."""
    predicted: dict[str, list[np.ndarray]] = {split: [] for split in pixels}
    total = len(networks) * sum(len(images) for images in pixels.values())
    with progress(f"evaluate {arm}", total) as report:
        for path in networks.values():
            network = load_model(path, num_classes=num_classes)
            for split, images in pixels.items():
                predicted[split].append(predict(network, images, batch_size=batch_size, report=report))
    return {split: np.stack(rows) for split, rows in predicted.items()}
