"""Every image's values, from trainings with several seeds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from torch import nn

from winnow.detect.valuation.exact import exact_influence
from winnow.detect.valuation.hydra import points_harmed, value_checkpoints
from winnow.detect.valuation.per_sample import can_be_hooked
from winnow.detect.valuation.trajectory import Followed, follow
from winnow.errors import WinnowError
from winnow.models.networks import find_network
from winnow.models.recipe import Recipe

NETWORK_KEY = "valuation.network"


def value_images(
    image_id: np.ndarray,
    pixels: np.ndarray,
    labels: np.ndarray,
    reference_pixels: np.ndarray,
    reference_labels: np.ndarray,
    *,
    num_classes: int,
    network: str,
    recipe: Recipe,
    checkpoints: Sequence[int],
    recalibration_images: int,
    seeds: Sequence[int],
    exact: bool = False,
    scratch: Path | None = None,
    device: torch.device,
) -> pd.DataFrame:
    """Score images by what they do to a network that is trained on them; nothing is decided.

    Args:
        image_id: (N,) str.
        pixels: (N, H, W, 3) uint8, or float32 in [0, 255].
        labels: (N,) integers in [0, K), as given.
        reference_pixels, reference_labels: (J, H, W, 3) and (J,), J at least 1: images whose labels people trust. They
            must be none of the others, nor near duplicates of them: they are not trained on.
        num_classes: K.
        network: a name, as `find_network` takes it; of layers whose gradients can be taken image by image.
        recipe: plain SGD, see `trajectory.follow`.
        checkpoints: the epochs after which all images are scored, rising.
        recalibration_images: see `trajectory.follow`.
        seeds: of the trainings, at least one; scores are means over them.
        exact: whether to go back through each training for `exact_influence`: four to seven times as long as training,
            and files of 2 x P numbers for each epoch and P for each step of one; see `exact.exact_influence`.
        scratch: folder from which a killed run goes on; None keeps none. The caller removes it.
        device: where to train.

    Returns:
        A row per image, in order: `image_id`; `early_loss` (>= 0) and `early_probability` ([0, 1], lower is worse) of
        the given label, means over the checkpoints; `aum`, the margin of the given label while training (lower is
        worse); `gradient_norm` (>= 0, higher is worse); `tracin` and `influence`, the mean over the reference (positive
        harms); `influence_se`, its standard error over seeds (NaN for one seed); `exact_influence` float64, the
        derivative of the mean reference loss in the image's weight, with curvature (positive harms; NaN without
        `exact`); `points_harmed` int64, the reference images that the rule "min + std" sees harmed;
        `nearest_reference` int64, the position of the one that is harmed most, -1 where none is harmed.

    Raises:
        WinnowError: if there is no such network, it has layers of other kinds, or there is no reference image.
    """
    if not len(reference_labels):
        raise WinnowError(
            "there is no reference image to value others by; name a folder of them (data.reference), or confirm some."
        )
    module = build_hookable(network, num_classes)
    columns: dict[str, list[np.ndarray]] = {}
    influences = []
    for seed in seeds:
        what = f"value_images, seed {seed}"
        with _kept(scratch) as folder:
            trajectory = follow(
                pixels,
                labels,
                num_classes=num_classes,
                network=network,
                recipe=recipe,
                checkpoints=checkpoints,
                recalibration_images=recalibration_images,
                seed=seed,
                scratch=scratch,
                epoch_states=folder if exact else None,
                device=device,
                description=what,
            )
            followed = Followed(module, trajectory, pixels, labels, reference_pixels, reference_labels)
            exactly = np.full(len(labels), np.nan)
            if exact:
                exactly = exact_influence(
                    followed,
                    recipe=recipe,
                    seed=seed,
                    epoch_states=folder,
                    device=device,
                    description=f"{what}, exact influence",
                )
        values = value_checkpoints(followed, scratch=scratch, device=device, description=f"{what}, checkpoints")
        influences.append(values.influence)
        for name, value in {
            "early_loss": values.loss,
            "early_probability": values.probability,
            "aum": trajectory.margins,
            "gradient_norm": values.gradient_norm,
            "tracin": values.tracin,
            "exact_influence": exactly,
        }.items():
            columns.setdefault(name, []).append(value)
    influence = np.mean(influences, axis=0)  # (N, J)
    by_seed = np.stack([one.mean(axis=1) for one in influences])  # (S, N)
    error = by_seed.std(axis=0, ddof=1) / len(by_seed) ** 0.5 if len(by_seed) > 1 else np.full(len(labels), np.nan)
    return pd.DataFrame(
        {
            "image_id": image_id,
            **{name: np.mean(values, axis=0) for name, values in columns.items()},
            "influence": by_seed.mean(axis=0),
            "influence_se": error,
            "points_harmed": points_harmed(influence),
            "nearest_reference": np.where(influence.max(axis=1) > 0, influence.argmax(axis=1), -1),
        }
    )


def build_hookable(network: str, num_classes: int) -> nn.Module:
    """A network by name with random weights, of which the gradients of single images can be taken.

    Raises:
        WinnowError: if there is none, or it has other layers.
    """
    module = find_network(network, key=NETWORK_KEY).build(num_classes)
    if not can_be_hooked(module):
        raise WinnowError(
            f"{NETWORK_KEY} is {network}, in which the gradients of single images cannot be taken; name small, "
            "competition or resnet34."
        )
    return module


@contextmanager
def _kept(scratch: Path | None) -> Iterator[Path]:
    """`scratch`, or a folder that is gone afterwards."""
    if scratch:
        yield scratch
    else:
        with TemporaryDirectory() as folder:
            yield Path(folder)
