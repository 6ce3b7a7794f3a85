"""How well found boxes fit true ones: average precision as the COCO benchmark defines it (Lin et al. 2014,
arXiv 1405.0312; cocodataset.org/#detection-eval), without its areas and crowds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OVERLAPS = np.linspace(0.5, 0.95, 10)
"""Intersection over union from which on a found box is the true one."""
_RECALLS = np.linspace(0, 1, 101)
_MOST = 100  # found boxes of a class in an image that count
_TINY = float(np.spacing(1))


@dataclass(frozen=True)
class Boxes:
    """Boxes of an image.

    Attributes:
        corners: (M, 4) float: left, top, right, bottom; in any unit, also one for the width and one for the height.
        classes: (M,) int64.
        scores: (M,) float of found boxes, higher is surer; None of true ones.
    """

    corners: np.ndarray
    classes: np.ndarray
    scores: np.ndarray | None = None


@dataclass(frozen=True)
class _Class:
    """Found boxes of a class, the surest first: whether each is right by (D, 10) overlaps, and in which image it is;
    and the number of true boxes of each image."""

    right: np.ndarray
    image: np.ndarray
    truths: np.ndarray


class Precision:
    """Found boxes of images, each compared with the true ones once."""

    def __init__(self, truth: Sequence[Boxes], found: Sequence[Boxes]) -> None:
        """Args:
        truth, found: of the same images, in the same order. Classes that no true box has do not count.
        """
        self._images = len(truth)
        names = sorted({int(name) for boxes in truth for name in boxes.classes})
        self._classes = [_compared(truth, found, name) for name in names]

    def by_overlap(self, times: np.ndarray | None = None) -> np.ndarray:
        """(10,) float64 in [0, 1], the mean over the classes of the precision at 101 levels of recall, for each of
        `OVERLAPS`; NaN where there is no true box.

        Args:
            times: (N,) int, how often each image counts; once without it.
        """
        times = np.ones(self._images, dtype=np.int64) if times is None else times
        values = [value for one in self._classes if (value := _average_precision(one, times)) is not None]
        return np.asarray(np.mean(values, axis=0)) if values else np.full(len(OVERLAPS), np.nan)


def _compared(truth: Sequence[Boxes], found: Sequence[Boxes], name: int) -> _Class:
    right, scores, image = [np.zeros((0, len(OVERLAPS)), dtype=bool)], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for number, (true, own) in enumerate(zip(truth, found, strict=True)):
        assert own.scores is not None
        mine = np.flatnonzero(own.classes == name)
        mine = mine[np.argsort(-own.scores[mine], kind="stable")][:_MOST]
        overlap = overlaps(own.corners[mine], true.corners[true.classes == name])
        right.append(np.stack([_matched(overlap, least) for least in OVERLAPS], axis=1))
        scores.append(own.scores[mine])
        image.append(np.full(len(mine), number))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    truths = np.array([int((boxes.classes == name).sum()) for boxes in truth])
    return _Class(np.concatenate(right)[order], np.concatenate(image)[order], truths)


def _matched(overlap: np.ndarray, least: float) -> np.ndarray:
    """(D,) bool: whether each found box, one after the other, takes a true one that none before it took."""
    free = np.ones(overlap.shape[1], dtype=bool)
    taken = np.zeros(len(overlap), dtype=bool)
    for place, row in enumerate(overlap):
        open_to = np.flatnonzero(free & (row >= min(least, 1 - 1e-10)))
        if len(open_to):
            free[open_to[::-1][row[open_to[::-1]].argmax()]] = False  # of equals the last, as COCO's own code has it
            taken[place] = True
    return taken


def overlaps(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(M, N) float64 in [0, 1]: area of the intersection over that of the union of (M, 4) and (N, 4) boxes."""
    some, others = some.astype(np.float64)[:, None], others.astype(np.float64)[None]
    sides = np.minimum(some[..., 2:], others[..., 2:]) - np.maximum(some[..., :2], others[..., :2])
    both = np.maximum(sides, 0).prod(axis=-1)
    union = (some[..., 2:] - some[..., :2]).prod(axis=-1) + (others[..., 2:] - others[..., :2]).prod(axis=-1) - both
    return np.asarray(both / np.maximum(union, 1e-300))


def _average_precision(one: _Class, times: np.ndarray) -> np.ndarray | None:
    truths = int((one.truths * times).sum())
    if not truths:
        return None
    weight = times[one.image]
    right = (one.right * weight[:, None]).cumsum(axis=0)
    precision = right / (weight.cumsum()[:, None] + _TINY)
    precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]  # the best at this recall or a higher one
    found = np.zeros(len(OVERLAPS))
    for column in range(len(OVERLAPS)):
        place = np.searchsorted(right[:, column] / truths, _RECALLS, side="left")
        found[column] = precision[place[place < len(precision)], column].sum() / len(_RECALLS)
    return found
