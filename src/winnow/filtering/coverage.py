"""How well the kept images stand for all: beside as many drawn at random."""

from typing import Any

import numpy as np

from winnow.learn.neighbours import nearest_neighbours

_DRAWS = 3  # random sets of the same size, which are averaged


def distance_to_kept(points: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(M,) float64 cosine distance, 0 to 2, of each image that is not kept to the nearest kept one.

    Args:
        points: (N, D) float32, rows of length 1.
        kept: (N,) bool, at least one.
    """
    if kept.all():
        return np.zeros(0)
    similarity, _ = nearest_neighbours(points[kept], k=1, queries=points[~kept])
    return np.asarray(np.maximum(1 - similarity[:, 0].astype(np.float64), 0))


def smallest_share(groups: np.ndarray, kept: np.ndarray) -> float:
    """How much of its share the group has left that lost most: 1 if all are as they were, 0 if one is gone."""
    _, group = np.unique(groups, return_inverse=True)
    before = np.bincount(group) / len(group)
    after = np.bincount(group[kept], minlength=len(before)) / max(int(kept.sum()), 1)
    return float((after / before).min())


def coverage(points: np.ndarray, kept: np.ndarray, groups: np.ndarray, *, seed: int) -> dict[str, Any]:
    """Distance of the removed to the nearest kept image and the smallest group, for these and for random ones.

    Args:
        points: (N, D) float32, rows of length 1.
        kept: (N,) bool.
        groups: (N,) int.
        seed: of the draws.

    Returns:
        `filtered` and `random`, each with `distance_mean` and `distance_p95` (cosine distance, lower is better; 0 where
        nothing is removed), and `smallest_group_share` (1 is balanced).
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        chosen = np.zeros(len(kept), dtype=bool)
        chosen[rng.choice(len(kept), int(kept.sum()), replace=False)] = True
        drawn.append(_figures(points, chosen, groups))
    return {
        "filtered": _figures(points, kept, groups),
        "random": {name: float(np.mean([figures[name] for figures in drawn])) for name in drawn[0]},
    }


def _figures(points: np.ndarray, kept: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    distance = distance_to_kept(points, kept)
    return {
        "distance_mean": float(distance.mean()) if len(distance) else 0.0,
        "distance_p95": float(np.quantile(distance, 0.95)) if len(distance) else 0.0,
        "smallest_group_share": smallest_share(groups, kept),
    }
