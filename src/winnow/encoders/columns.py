"""Features of several encoders side by side, and those of one among them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from winnow.encoders.normalise import l2_normalised


def concatenated(features: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Concatenate features so that the cosine of two images is the mean of their cosines by each encoder.

    Args:
        features: (N, D_i) float32 of each encoder, rows of length 1.
        weights: of each, above 0. The mean of the cosines is weighted by their squares.

    Returns:
        (N, sum of D_i) float32, rows of length 1.
    """
    return l2_normalised(np.hstack([weight * each for weight, each in zip(weights, features, strict=True)]))


def split_columns(features: np.ndarray, dimensions: Sequence[int]) -> list[np.ndarray]:
    """The features of each encoder, rows of length 1, from those of all: what `concatenated` made, but for rounding."""
    return [l2_normalised(part) for part in np.split(features, np.cumsum(dimensions)[:-1], axis=1)]


def picture_features(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N, D) float32 of the first encoder, rows of length 1: what pictures are compared by, whatever their labels are.

    The first of several is best a frozen one: its features of two copies are alike in any fold.

    Args:
        arrays: `features` and `encoder` of features.npz.
    """
    return _of(arrays, lambda place, encoder: place == 0)


def outlier_features(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N, D) float32 by which outliers are found, rows of length 1: the first encoder's, and beside them those of
    networks that learned on from a pretrained backbone.

    Both know more of the world than the classes, and the second draw the classes closer together: more outliers are
    found than by the first alone. With features of networks that know nothing but the classes, fewer are
    (docs/benchmarks.md).

    Args:
        arrays: `features` and `encoder` of features.npz.
    """
    return _of(arrays, lambda place, encoder: place == 0 or "backbone" in encoder)


def _of(arrays: Mapping[str, np.ndarray], chosen: Callable[[int, Mapping[str, Any]], bool]) -> np.ndarray:
    """Features of the encoders that are chosen by place and fingerprint, with the weights that they have among all."""
    fingerprint = json.loads(str(arrays["encoder"]))
    names = fingerprint.get("encoder")
    if not isinstance(names, list):
        return arrays["features"]
    encoders = [fingerprint[name] for name in names]
    parts = split_columns(arrays["features"], [encoder["dimensions"] for encoder in encoders])
    taken = [place for place, encoder in enumerate(encoders) if chosen(place, encoder)]
    if len(taken) == 1:
        return parts[taken[0]]
    return concatenated([parts[place] for place in taken], [encoders[place]["weight"] for place in taken])
