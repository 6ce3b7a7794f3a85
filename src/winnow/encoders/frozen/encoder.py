"""Encoders with published weights, which no label and no other image changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from winnow.data.pixels import Pixels
from winnow.encoders.base import Embedding
from winnow.encoders.frozen.embedding import embed_images
from winnow.encoders.frozen.network import FrozenNetwork
from winnow.learn.probe import LinearProbe


@dataclass(frozen=True)
class FrozenEncoder:
    """An `Encoder` around a frozen network; see `winnow.encoders.base` for the methods.

    Attributes:
        network: what turns images into features.
        num_classes: K.
        batch_size: images per forward pass.
        flip: whether features are averaged with those of the mirrored image.
    """

    network: FrozenNetwork
    num_classes: int
    batch_size: int
    flip: bool
    is_fitted: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return self.network.name

    def embed_dataset(self, pixels: Pixels, labels: np.ndarray, *, scratch: Path | None = None) -> Embedding:
        return self._embed(pixels, scratch)

    def embed_extended(
        self, pixels: Pixels, labels: np.ndarray, before: Embedding, *, scratch: Path | None = None
    ) -> Embedding:
        new = pixels[len(before.features) :]
        return before.followed_by(self._embed(new, scratch)) if len(new) else before

    def classify_new(
        self, new_pixels: Pixels, *, pixels: Pixels, labels: np.ndarray, embedding: Embedding, l2: float
    ) -> np.ndarray:
        """By a linear probe on the features."""
        features, own = embedding.features, self._embed(new_pixels, None).features
        probe = LinearProbe(np.concatenate([features, own]))
        known = np.arange(len(features) + len(own)) < len(features)
        target = np.zeros((len(known), self.num_classes), dtype=np.float32)
        target[np.flatnonzero(known), labels] = 1
        weights = probe.fit(target, known[:, None], l2=l2)
        pred_probs: np.ndarray = probe.predict(weights)[~known, 0]
        return pred_probs

    def _embed(self, pixels: Pixels, scratch: Path | None) -> Embedding:
        features, zero_shot = embed_images(
            self.network, pixels, batch_size=self.batch_size, flip=self.flip, scratch=scratch
        )
        fingerprint = {**self.network.fingerprint, "encoder": self.name, "flip": self.flip}
        return Embedding(features, fingerprint, zero_shot, self.network.no_zero_shot)
