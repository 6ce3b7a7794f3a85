"""How far an image may be from another to be a copy of it: as far as lightly changed images are from themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from winnow import tables
from winnow.filtering.copies import CopySpace, unit_mean
from winnow.filtering.light_changes import shrunk_directions
from winnow.filtering.reduction import fit_reduction

_FOUND = 3 / 4
"""Of lightly changed images, the share that is near enough to itself."""
_FEWEST = 8  # changed images to learn from


def chosen_for_change(count: int, *, most: int, seed: int) -> np.ndarray:
    """Sorted places of at most `most` of `count` images."""
    return np.sort(np.random.default_rng(seed).choice(count, min(most, count), replace=False))


def learn_copies(
    features: np.ndarray, mean: np.ndarray, places: np.ndarray, changed: np.ndarray
) -> tuple[CopySpace, float]:
    """Learn where copies are looked for, and how far one may be there.

    Args:
        features: (N, D) of any precision, also a memory map.
        mean: (D,) float32, as of `unit_mean`.
        places: (M,) int64 of the features, images that were changed.
        changed: (M, D) features of what `lightly_changed` made of them.

    Returns:
        The space, and the Euclidean distance there, 0 to 2, within which three of four images are from their changed
        selves; 0 where M is 0. Each half of them is measured in a space that the other half taught: one that they
        taught themselves is too kind to them. Below 8 images no direction is shrunk.
    """
    width = features.shape[1]
    plain = CopySpace(features, mean, np.zeros((0, width), dtype=np.float32), np.zeros(0, dtype=np.float32))
    if not len(places):
        return plain, 0.0
    differences = plain[places].astype(np.float64) - plain.of(changed)
    if len(places) < _FEWEST:
        return plain, float(np.quantile(_apart(plain, places, changed), _FOUND))

    def learned_from(rows: np.ndarray) -> CopySpace:
        directions, shrunk_by = shrunk_directions(differences[rows])
        return replace(plain, directions=directions, shrunk_by=shrunk_by)

    number = np.arange(len(places))
    halves = [number % 2 == half for half in (0, 1)]
    apart = [_apart(learned_from(~half), places[half], changed[half]) for half in halves]
    return learned_from(number >= 0), float(np.quantile(np.concatenate(apart), _FOUND))


def _apart(space: CopySpace, places: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """(M,) float64: how far the images are from their changed selves."""
    return np.asarray(np.linalg.norm(space[places].astype(np.float64) - space.of(changed), axis=1))


@dataclass(frozen=True)
class Reduced:
    """What comes of N features.

    Attributes:
        points: (N, d) float32, rows of length 1.
        copies: where copies are looked for.
        copy_distance: how far a copy may be there, 0 to 2.
    """

    points: np.ndarray
    copies: CopySpace
    copy_distance: float

    def arrays(self) -> dict[str, np.ndarray]:
        """For the file `points`."""
        distance = np.array(self.copy_distance, dtype=np.float64)
        return {"points": self.points, **self.copies.arrays(), "copy_distance": distance}

    @property
    def sentence(self) -> str:
        return f"a copy is up to {self.copy_distance**2 / 2:.4f} away"


def reduced(
    image_id: np.ndarray,
    features: np.ndarray,
    is_filtered: np.ndarray,
    changed: Mapping[str, np.ndarray],
    *,
    dimensions: int | None,
) -> Reduced:
    """Reduce a dataset, and learn how far a copy may be.

    Args:
        image_id: (N,) str.
        features: (N, D) of any precision, also a memory map.
        is_filtered: (N,) bool, the images that the reduction learns from.
        changed: `image_id` (M,) and `features` (M, D) of some of these, lightly changed; none gives the distance 0.
        dimensions: of `winnow.filtering.reduction.fit_reduction`.
    """
    rows = np.flatnonzero(is_filtered)
    reduction = fit_reduction(features, dimensions=dimensions, rows=rows)
    places = tables.align(changed["image_id"], image_id, "the features") if len(changed["image_id"]) else rows[:0]
    copies, distance = learn_copies(features, unit_mean(features, rows), places, changed["features"])
    return Reduced(reduction(features), copies, distance)
