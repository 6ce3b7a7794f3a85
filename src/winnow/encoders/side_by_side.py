"""Several encoders side by side: each embeds the dataset, and their features are weighted and concatenated."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from winnow.data.perceptual_hash import hash_groups, perceptual_hash
from winnow.data.pixels import Pixels, batches
from winnow.encoders.base import LOG_LOSSES, Embedding, Encoder
from winnow.encoders.columns import concatenated, split_columns
from winnow.encoders.weighing import held_out_log_loss
from winnow.errors import NO_LABELS, WinnowError
from winnow.learn.folds import stratified_group_folds

_FOLDS = 5
_HASH_DISTANCE = 6  # bits of 64: images that share a fold


@dataclass(frozen=True)
class Part:
    """One of several encoders.

    Attributes:
        encoder: what it is.
        weight_candidates: weights of its features to choose from, each above 0; at least one.
    """

    encoder: Encoder
    weight_candidates: Sequence[float]


@dataclass(frozen=True)
class SideBySide:
    """The `Encoder` that several encoders make together; see `winnow.encoders.base` for the methods.

    Features that differ in kind correct one another where the probe and the neighbours meet them together: on images of
    the course's data with planted flips both find more errors than either (docs/benchmarks.md). Each part keeps folds,
    stored parts and fingerprint of its own. Zero-shot probabilities are those of the first part that gives them.

    Attributes:
        parts: at least two. Pictures are compared by the first one's features (`picture_features`).
        num_classes: K.
    """

    parts: Sequence[Part]
    num_classes: int

    @property
    def name(self) -> str:
        return " + ".join(part.encoder.name for part in self.parts)

    @property
    def is_fitted(self) -> bool:
        return any(part.encoder.is_fitted for part in self.parts)

    def embed_dataset(self, pixels: Pixels, labels: np.ndarray, *, scratch: Path | None = None) -> Embedding:
        candidates = list(itertools.product(*(part.weight_candidates for part in self.parts)))
        if len(candidates) > 1 and not self.num_classes:
            keys = ", ".join(part.encoder.name for part in self.parts if len(part.weight_candidates) > 1)
            raise WinnowError(
                f"embed has several weight_candidates for {keys}, and {NO_LABELS} to choose by; leave one of each."
            )
        found = [
            part.encoder.embed_dataset(pixels, labels, scratch=scratch and scratch / part.encoder.name)
            for part in self.parts
        ]
        if len(candidates) == 1:
            return self._joined(found, candidates[0], {name: {} for name in LOG_LOSSES})
        features, fold = [embedding.features for embedding in found], alike_folds(pixels, labels)
        held_out = held_out_log_loss(features, candidates, labels, fold, num_classes=self.num_classes)
        by_name = zip(LOG_LOSSES, (held_out.by_channel, held_out.plain), strict=True)
        told = {name: {str(list(tried)): loss for tried, loss in losses.items()} for name, losses in by_name}
        return self._joined(found, held_out.best, told)

    def embed_extended(
        self, pixels: Pixels, labels: np.ndarray, before: Embedding, *, scratch: Path | None = None
    ) -> Embedding:
        """With the weights that were chosen before."""
        found = [
            part.encoder.embed_extended(pixels, labels, own, scratch=scratch and scratch / part.encoder.name)
            for part, own in zip(self.parts, _embeddings(before), strict=True)
        ]
        weights = [before.fingerprint[part.encoder.name]["weight"] for part in self.parts]
        return self._joined(found, weights, {name: before.fingerprint[name] for name in LOG_LOSSES})

    def classify_new(
        self, new_pixels: Pixels, *, pixels: Pixels, labels: np.ndarray, embedding: Embedding, l2: float
    ) -> np.ndarray:
        """The mean of what each encoder gives: features of a fitted one have no meaning outside its folds, so they
        cannot be concatenated for new images."""
        found = [
            part.encoder.classify_new(new_pixels, pixels=pixels, labels=labels, embedding=own, l2=l2)
            for part, own in zip(self.parts, _embeddings(embedding), strict=True)
        ]
        total: np.ndarray = sum(found[1:], start=found[0])
        return total / len(found)

    def _joined(
        self, found: Sequence[Embedding], weights: Sequence[float], log_losses: Mapping[str, Mapping[str, float]]
    ) -> Embedding:
        names = [part.encoder.name for part in self.parts]
        fingerprint = {
            "encoder": names,
            **log_losses,
            **{
                name: {**each.fingerprint, "weight": weight, "dimensions": each.features.shape[1]}
                for name, each, weight in zip(names, found, weights, strict=True)
            },
        }
        zero_shot = next((each.zero_shot for each in found if each.zero_shot), None)
        reasons = [] if zero_shot else [each.no_zero_shot for each in found if each.no_zero_shot]
        return Embedding(
            concatenated([each.features for each in found], weights), fingerprint, zero_shot, "; ".join(reasons)
        )


def alike_folds(pixels: Pixels, labels: np.ndarray) -> np.ndarray:
    """(N,) int64 folds, in which images alike by perceptual hash stay together."""
    hashes = np.concatenate([perceptual_hash(batch) for _, batch in batches(pixels)])
    return stratified_group_folds(labels, hash_groups(hashes, max_distance=_HASH_DISTANCE), folds=_FOLDS, seed=0)


def _embeddings(joined: Embedding) -> list[Embedding]:
    """Those of the parts. All get the zero-shot probabilities; `_joined` takes them from the first that has any."""
    parts = [dict(joined.fingerprint[name]) for name in joined.fingerprint["encoder"]]
    features = split_columns(joined.features, [part.pop("dimensions") for part in parts])
    for part in parts:
        del part["weight"]
    return [Embedding(*each, joined.zero_shot) for each in zip(features, parts, strict=True)]
