"""Copies of what is kept: an image goes where a kept one is near enough, by their distance itself."""

from dataclasses import dataclass
from typing import Protocol

import faiss
import numpy as np

MOST_EXACT = 100_000
"""The largest group in which an image is compared with all kept ones; in larger ones with those of near cells."""
_BLOCK = 1024
_SAMPLE = 4096
_IMAGES_PER_CELL, _CELLS_LOOKED_INTO = 256, 16
_ROUNDING = 1e-6  # of squared distances of float32 unit vectors


class Points(Protocol):
    """(N, D) float32, rows of length 1: an array, or what reads its rows from a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Copies:
    """Which of N images are copies of others, as `find_copies` finds them.

    Attributes:
        of: (N,) int64, the image that a copy goes for, which is none itself; -1 for all others.
        distance: (N,) float64 Euclidean distance of unit vectors to it, 0 to 2; NaN for all others.
    """

    of: np.ndarray
    distance: np.ndarray


def find_copies(points: Points, groups: np.ndarray, *, pixels: np.ndarray, within: float) -> Copies:
    """Which images are near enough to another one of their group that stays, as `best_first` orders them.

    Args:
        points: N images.
        groups: (N,) int.
        pixels: (N,) int, of each image.
        within: Euclidean distance of unit vectors.
    """
    order = best_first(points, np.arange(len(groups)), pixels=pixels, within=within)
    every = np.ones(len(groups), dtype=bool)
    return Copies(*covered_by(points, group=groups, order=order, may_go=every, within=within))


def best_first(points: Points, order: np.ndarray, *, pixels: np.ndarray, within: float) -> np.ndarray:
    """Images by which of them is to stay rather than its copies: the one with the most pixels, of equally large ones
    the one that the most of a sample of 4,096 are near enough to; as before where these are equally many.

    Args:
        points: N images.
        order: (M,) int64 images.
        pixels: (N,) int, of each image.
        within: Euclidean distance of unit vectors, 0 to 2, to the rounding of float32.

    Returns:
        (M,) int64.
    """
    sample = points[np.sort(np.random.default_rng(0).choice(order, min(_SAMPLE, len(order)), replace=False))]
    near = np.zeros(len(order), dtype=np.int64)
    for start in range(0, len(order), _BLOCK):
        block = slice(start, start + _BLOCK)
        near[block] = _near(points[order[block]], sample, within).sum(axis=1)
    return order[np.lexsort((-near, -pixels[order]))]


def covered_by(
    points: Points,
    *,
    group: np.ndarray,
    order: np.ndarray,
    may_go: np.ndarray,
    within: float,
    most_exact: int = MOST_EXACT,
) -> tuple[np.ndarray, np.ndarray]:
    """Keep images one after the other, but for those that have a kept one near enough.

    Args:
        points: N images; those of one group are held in memory.
        group: (N,) int; an image goes for one of its own group only.
        order: (M,) int64 images, the first to be kept first; those that may not go are kept before all others.
        may_go: (N,) bool.
        within: Euclidean distance of unit vectors, 0 to 2, up to which an image goes, to the rounding of float32.
        most_exact: images of a group above which a kept image may be missed, so that one stays that could have gone.

    Returns:
        (N,) int64, the nearest kept image for each that goes, -1 for all others; (N,) float64, how far it is, NaN for
        all others.
    """
    keeper, distance = np.full(len(points), -1), np.full(len(points), np.nan)
    order = order[np.lexsort((may_go[order], group[order]))]
    starts = np.flatnonzero(np.diff(group[order])) + 1
    for members in np.split(order, starts):
        own = points[members]
        index = _index(own, exact=len(members) <= most_exact)
        by = np.full(len(members), -1)
        for start in range(0, len(members), _BLOCK):
            block = slice(start, start + _BLOCK)
            kept = np.flatnonzero(by[:start] < 0)
            by[block] = _first_near(index, own[block], may_go[members[block]], within, indexed=kept, start=start)
            index.add(own[block][by[block] < 0])
        gone, kept = np.flatnonzero(by >= 0), np.flatnonzero(by < 0)
        if len(gone):
            squared, place = index.search(own[gone], 1)
            seen = (place[:, 0] >= 0) & (squared[:, 0] <= within**2 + _ROUNDING)
            nearest = np.where(seen, kept[place[:, 0]], by[gone])  # in near cells alone there may be none within reach
            keeper[members[gone]] = members[nearest]
            apart = ((own[gone[~seen]] - own[nearest[~seen]]) ** 2).sum(axis=1)
            squared[~seen, 0] = apart
            distance[members[gone]] = np.sqrt(np.maximum(squared[:, 0], 0))
    return keeper, distance


def nearest_copy(
    points: Points, asked: np.ndarray, among: np.ndarray, *, most_exact: int = MOST_EXACT
) -> tuple[np.ndarray, np.ndarray]:
    """For each of some images the nearest of others, and how far it is.

    Args:
        points: N images; those of `among` are held in memory.
        asked: (M,) int64 images.
        among: (L,) int64 images, L at least 1.
        most_exact: of L, above which the nearest may be missed for another one.

    Returns:
        (M,) int64 images of `among`, and (M,) float64 Euclidean distances.
    """
    own = points[among]
    index = _index(own, exact=len(among) <= most_exact)
    index.add(own)
    image, distance = np.empty(len(asked), dtype=np.int64), np.empty(len(asked))
    for start in range(0, len(asked), _BLOCK):
        block = slice(start, start + _BLOCK)
        rows = points[asked[block]]
        place = index.search(rows, 1)[1][:, 0]
        image[block] = among[place]
        distance[block] = np.linalg.norm(rows.astype(np.float64) - own[place], axis=1)
    return image, distance


def _index(points: np.ndarray, *, exact: bool) -> faiss.Index:
    """An empty index of squared distances."""
    dimensions = points.shape[1]
    if exact:
        return faiss.IndexFlatL2(dimensions)
    cells = len(points) // _IMAGES_PER_CELL
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(dimensions), dimensions, cells)
    index.train(points[:: max(1, len(points) // (64 * cells))])
    index.nprobe = _CELLS_LOOKED_INTO
    return index


def _first_near(
    index: faiss.Index, points: np.ndarray, may_go: np.ndarray, within: float, *, indexed: np.ndarray, start: int
) -> np.ndarray:
    """(N,) int64: for each point the place of one within reach, in the index or kept before it; -1 where it stays.

    Places are those of `indexed` for the index's points, and `start` and on for these.
    """
    by = np.full(len(points), -1)
    if index.ntotal:
        squared, found = index.search(points, 1)
        goes = (found[:, 0] >= 0) & (squared[:, 0] <= within**2 + _ROUNDING) & may_go
        by[goes] = indexed[found[goes, 0]]
    open_to = np.flatnonzero(by < 0)
    near = _near(points[open_to], points[open_to], within)
    kept = np.zeros(len(open_to), dtype=bool)
    for place, image in enumerate(open_to):
        before = near[place, :place] & kept[:place]
        kept[place] = not (may_go[image] and before.any())
        if not kept[place]:
            by[image] = start + open_to[before.argmax()]
    return by


def _near(some: np.ndarray, others: np.ndarray, within: float) -> np.ndarray:
    """(M, N) bool: which of (M, D) and (N, D) unit vectors are within reach of one another."""
    return np.asarray(2 - 2 * (some @ others.T) <= within**2 + _ROUNDING)
