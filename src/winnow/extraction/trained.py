"""Features of small networks that learn from the dataset's own labels, each image's from one that did not see it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from winnow.data.pixels import Pixels
from winnow.device import best_device
from winnow.encoders.fitted.networks import SmallNetworks, TrainedSettings
from winnow.encoders.fitted.out_of_fold import fit_out_of_fold
from winnow.encoders.fitted.small_images import SmallImages
from winnow.encoders.fitted.training import Training
from winnow.errors import WinnowError
from winnow.models.small_resnet import SmallResNet
from winnow.params.encoders import SmallNetworks as SmallNetworksSection
from winnow.params.merging import merged
from winnow.params.messages import sentence

DEFAULTS: Mapping[str, Any] = {
    "folds": 4,
    "epochs": 16,
    "input_size": 32,
    "learning_rate": 0.1,
    "label_smoothing": 0.1,
    "shift": 0.125,
    "mirror": False,
    "zoom": 0.0,
    "color": 0.0,
    "seed": 0,
    "width": 16,
    "loss": "cross_entropy",
    "contrastive": {"shear": 0.3, "rotation": 15.0, "shift": 0.2, "zoom": 0.25, "noise": 0.5, "inversion": 0.25},
}
"""Of `embed.trained` in configs/base.yaml, its weight aside."""


def trained_settings(arguments: Mapping[str, Any], *, input_size: int | None) -> TrainedSettings:
    """How the networks are trained.

    Args:
        arguments: keys of `embed.trained` of the main pipeline's params (docs/params.md), in place of `DEFAULTS`;
            of a mapping the keys that differ suffice.
        input_size: side of the images that the networks see, at least 12; None for the arguments' or 32.

    Raises:
        WinnowError: if there is no such key, or its value is out of range.
    """
    size = {} if input_size is None else {"input_size": input_size}
    try:
        section = SmallNetworksSection.model_validate({**merged(DEFAULTS, arguments), **size})
    except ValidationError as error:
        raise WinnowError(sentence("encoder:trained", error, SmallNetworksSection)) from None
    if section.input_size < 12:
        raise WinnowError(f"encoder:trained sees images of {section.input_size} pixels; set input_size to 12 or more.")
    return TrainedSettings(**section.model_dump())


def learned_labels(labels: np.ndarray, may_learn: np.ndarray) -> np.ndarray:
    """(N,) int64 classes in [0, K) of the images that networks learn from, -1 for all others.

    Args:
        labels: (N,) str, "" where there is none.
        may_learn: (N,) bool, images whose labels may be learned from.

    Raises:
        WinnowError: if they are of fewer than two classes.
    """
    usable = may_learn & (labels != "")
    classes = np.unique(labels[usable])
    if len(classes) < 2:
        found = f"its {usable.sum():,} labelled images are of one class" if len(classes) else "no image has a label"
        raise WinnowError(
            f"encoder:trained learns from labels of images (boxes are none), of two classes at least, and {found} in "
            "the splits that are filtered; name another network.model, as encoder:plain."
        )
    return np.where(usable, np.searchsorted(classes, labels), -1)


def trained_features(
    pixels: Pixels,
    labels: np.ndarray,
    copy_of: np.ndarray,
    settings: TrainedSettings,
    *,
    scratch: Path,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Features of all images, and what decided them.

    Args:
        pixels: (N, S, S, 3) uint8.
        labels: (N,) int64, as `learned_labels` gives them; images of -1 are only described.
        copy_of: (N,) int64, the image that each was made from, itself where it was made from none: the network that
            describes one has seen neither.
        settings: how the networks are trained.
        scratch: folder from which a killed run goes on; the caller removes it.

    Returns:
        (N, 4 * width) float32, rows of length 1, and JSON values.

    Raises:
        WinnowError: if there are too few images for the folds, a network has fewer than two classes to learn from,
            or training diverges.
    """
    learner = _LearnsTwoClasses(settings, int(labels.max()) + 1, best_device())
    fitted = fit_out_of_fold(pixels, labels, learner, learned=labels >= 0, copy_of=copy_of, scratch=scratch)
    return fitted.features, fitted.fingerprint


class _LearnsTwoClasses(SmallNetworks):
    """Networks each of which must have images of two classes to learn from; a rarer class may be in one fold alone."""

    def train(
        self, images: SmallImages, labels: np.ndarray, trainings: Sequence[Training], *, description: str
    ) -> list[SmallResNet]:
        for training in trainings:
            if len(np.unique(labels[training.rows])) < 2:
                raise WinnowError(
                    f"encoder:trained learns in {len(trainings)} folds, and outside of one of them labels are not of "
                    "two classes; label more images that do not look alike, or name another network.model, as "
                    "encoder:plain."
                )
        return super().train(images, labels, trainings, description=description)
