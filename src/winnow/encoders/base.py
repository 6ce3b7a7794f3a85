"""What every encoder does, frozen or fitted on the data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from winnow.data.pixels import Pixels
from winnow.encoders.zero_shot import ZeroShot, joined

LOG_LOSSES = ("log_loss_by_weights", "plain_log_loss_by_weights")
"""Of several encoders the held-out log-loss under each weights that were tried, in the fingerprint and the metrics:
through the noise channel, by which they were chosen, and of the labels as given."""


@dataclass(frozen=True)
class Embedding:
    """Features of N images.

    Attributes:
        features: (N, D) float32, rows of length 1.
        fingerprint: all that decided them (encoder, weights' sha256, preprocessing); JSON values only.
        zero_shot: class probabilities from the class names alone; None where the encoder gives none.
        no_zero_shot: why `zero_shot` is None, in a few words.
    """

    features: np.ndarray
    fingerprint: Mapping[str, Any]
    zero_shot: ZeroShot | None = None
    no_zero_shot: str = ""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Embedding":
        """From the arrays of `features.npz`."""
        zero_shot = None
        if "zero_shot_pred_probs" in arrays:
            zero_shot = ZeroShot(arrays["zero_shot_pred_probs"], arrays["in_class_probability"])
        return cls(arrays["features"], json.loads(str(arrays["encoder"])), zero_shot)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of `features.npz`, but for `image_id`."""
        return {
            "features": self.features,
            "encoder": np.array(json.dumps(dict(self.fingerprint), sort_keys=True)),
            **(self.zero_shot.arrays() if self.zero_shot else {}),
        }

    @property
    def metrics(self) -> dict[str, Any]:
        """Numbers of images and dimensions, by encoder its weight, and the held-out log-losses of `LOG_LOSSES`."""
        names, chosen = self.fingerprint["encoder"], isinstance(self.fingerprint["encoder"], list)
        return {
            "images": len(self.features),
            "dimensions": self.features.shape[1],
            "weights": {name: self.fingerprint[name]["weight"] for name in names} if chosen else {names: 1.0},
            **{name: self.fingerprint.get(name, {}) for name in LOG_LOSSES},
        }

    @property
    def choice(self) -> str:
        """Of several encoders the weights that were chosen, in words; "" where there was nothing to choose."""
        channel, plain = (self.metrics[name] for name in LOG_LOSSES)
        if not channel:
            return ""
        by_name = self.metrics["weights"]
        weights, tried = ", ".join(f"{name} {weight:g}" for name, weight in by_name.items()), str([*by_name.values()])
        return (
            f"weights {weights}: of {len(channel)} tried the least held-out log-loss through the noise channel, "
            f"{channel[tried]:.4f} ({plain[tried]:.4f} without it)"
        )

    def followed_by(self, other: "Embedding") -> "Embedding":
        """The images of both, embedded by the same encoder, one after the other."""
        zero_shot = joined([self.zero_shot, other.zero_shot]) if self.zero_shot and other.zero_shot else None
        features = np.concatenate([self.features, other.features])
        return Embedding(features, other.fingerprint, zero_shot, other.no_zero_shot)


class Encoder(Protocol):
    """Turns the images of a dataset into features.

    A frozen encoder has published weights: the features of an image depend on that image alone. A fitted one is trained
    on the dataset itself, each image embedded by a network that did not see it: they depend on all images and labels.
    `winnow.encoders.registry` lists both; `winnow.encoders.side_by_side` makes one of several.

    Attributes:
        name: as `embed.encoder` in params.yaml has it; of several encoders all names.
        is_fitted: whether it is trained on the dataset.
    """

    @property
    def name(self) -> str: ...

    @property
    def is_fitted(self) -> bool: ...

    def embed_dataset(self, pixels: Pixels, labels: np.ndarray, *, scratch: Path | None = None) -> Embedding:
        """Embed all images of a dataset.

        Args:
            pixels: (N, H, W, 3) uint8.
            labels: (N,) int in [0, K), as given, wrong ones and all.
            scratch: folder for finished parts, from which a run after a kill goes on and gives the same bytes; None
                keeps none. The caller removes it.

        Returns:
            N rows.
        """

    def embed_extended(
        self, pixels: Pixels, labels: np.ndarray, before: Embedding, *, scratch: Path | None = None
    ) -> Embedding:
        """Embed a dataset that grew, and some of whose labels changed, since it was embedded.

        Args:
            pixels: (N + M, H, W, 3) uint8: the N images embedded before, then the new ones.
            labels: (N + M,) int in [0, K), as they are now.
            before: what `embed_dataset` gave for the first N with the labels that they had.
            scratch: as in `embed_dataset`.

        Returns:
            N + M rows, as `embed_dataset` would give them; a frozen encoder embeds the new images alone.
        """

    def classify_new(
        self, new_pixels: Pixels, *, pixels: Pixels, labels: np.ndarray, embedding: Embedding, l2: float
    ) -> np.ndarray:
        """Class probabilities of images outside the dataset, by a model that has learned from the dataset alone.

        Args:
            new_pixels: (M, H, W, 3) uint8.
            pixels: (N, H, W, 3) uint8 of the dataset's images to learn from.
            labels: (N,) int in [0, K) of these.
            embedding: of these, as `embed_dataset` gave it.
            l2: penalty of the linear probe, where the model is one.

        Returns:
            (M, K) float32, rows sum to 1.
        """
