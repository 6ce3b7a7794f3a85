"""Features of several encoders side by side, and those of one among them."""

import json
from collections.abc import Callable, Mapping, Sequence

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
    return _of(arrays, lambda place, name: place == 0)


def outlier_features(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N, D) float32 by which outliers are found, rows of length 1: the first encoder's, and beside them `finetuned`'s.

    Both know more of the world than the classes, and the second draws the classes closer together: more outliers are
    found than by the first alone. With features of networks that know nothing but the classes, fewer are
    (docs/benchmarks.md).

    Args:
        arrays: `features` and `encoder` of features.npz.
    """
    return _of(arrays, lambda place, name: place == 0 or name == "finetuned")


def _of(arrays: Mapping[str, np.ndarray], chosen: Callable[[int, str], bool]) -> np.ndarray:
    """The features of the encoders that are chosen by place and name, with the weights that they have among all."""
    fingerprint = json.loads(str(arrays["encoder"]))
    names = fingerprint.get("encoder")
    if not isinstance(names, list):
        return arrays["features"]
    parts = split_columns(arrays["features"], [fingerprint[name]["dimensions"] for name in names])
    taken = [(part, name) for place, (part, name) in enumerate(zip(parts, names, strict=True)) if chosen(place, name)]
    if len(taken) == 1:
        return taken[0][0]
    return concatenated([part for part, _ in taken], [fingerprint[name]["weight"] for _, name in taken])
