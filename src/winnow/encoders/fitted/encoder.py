"""Encoders that are trained on the dataset itself, one network per fold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from winnow.data.pixels import Pixels
from winnow.encoders.base import Embedding
from winnow.encoders.fitted.learner import Learner
from winnow.encoders.fitted.out_of_fold import fit_out_of_fold, predicted
from winnow.encoders.fitted.training import Training
from winnow.progress import progress


@dataclass(frozen=True)
class FittedEncoder:
    """An `Encoder` around a learner; see `winnow.encoders.base` for the methods.

    Its networks are not kept: a dataset that changed is embedded anew, as if it had come so.

    Attributes:
        learner: the networks, and how they are trained.
        flip: whether features are averaged with those of the mirrored image.
    """

    learner: Learner[Any]
    flip: bool
    is_fitted: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.learner.name

    def embed_dataset(self, pixels: Pixels, labels: np.ndarray, *, scratch: Path | None = None) -> Embedding:
        fitted = fit_out_of_fold(pixels, labels, self.learner, flip=self.flip, scratch=scratch)
        return Embedding(fitted.features, fitted.fingerprint)

    def embed_extended(
        self, pixels: Pixels, labels: np.ndarray, before: Embedding, *, scratch: Path | None = None
    ) -> Embedding:
        return self.embed_dataset(pixels, labels, scratch=scratch)

    def classify_new(
        self, new_pixels: Pixels, *, pixels: Pixels, labels: np.ndarray, embedding: Embedding, l2: float
    ) -> np.ndarray:
        """By one network, trained on all of the dataset's images."""
        images = self.learner.read(pixels)
        whole = Training("train on the whole dataset", np.arange(len(labels)))
        (network,) = self.learner.train(images, labels, [whole], description="train on the whole dataset")
        new = images.like(new_pixels)
        with progress("classify", len(new)) as report:
            rows = np.arange(len(new))
            return predicted(network, new, self.learner, rows=rows, flip=self.flip, report=report)[1]
