"""Ways to choose which images stay, each a function of features alone: what filtering is compared with."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

import numpy as np

from winnow.data.perceptual_hash import linked
from winnow.encoders.normalise import l2_normalised
from winnow.filtering.groups import cluster_groups
from winnow.filtering.order import staying_order
from winnow.filtering.outliers import density_tree
from winnow.filtering.reduction import fit_reduction
from winnow.filtering.redundancy import Method, score_redundancy
from winnow.learn.neighbours import nearest_neighbours

Rule = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""From (N, D) features, (N,) labels and a seed to (N,) int64 images in the order in which they stay: any number of the
first ones is the choice of that size."""


def random(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Any images."""
    return np.random.default_rng(seed).permutation(len(features))


def balanced_random(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """As many of each class as of any other, while they last."""
    shuffled = np.random.default_rng(seed).permutation(len(features))
    turn = np.empty(len(features), dtype=np.int64)
    for label in np.unique(labels):
        own = shuffled[labels[shuffled] == label]
        turn[own] = np.arange(len(own))
    return shuffled[np.argsort(turn[shuffled], kind="stable")]


def uniqueness(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The most unique first, by FiftyOne's formula: 0.6, 0.3 and 0.1 of the distances to the three nearest images."""
    unit = l2_normalised(features)
    cosine, _ = nearest_neighbours(unit, k=3)
    distance = np.sqrt(np.maximum(2 - 2 * cosine.astype(np.float64), 0))
    score = distance @ np.array([0.6, 0.3, 0.1])[: distance.shape[1]]
    return np.lexsort((np.arange(len(score)), -score))


class Thesis:
    """The rule of a thesis' code: single linkage by cosine of whitened principal components, one image per cluster.

    The whitening is its mistake: `U` of a singular value decomposition in place of `U S`. Cuts of another size are not
    nested, so the rule is asked for a number.
    """

    def __init__(self, *, dimensions: int = 50) -> None:
        self._dimensions = dimensions

    def choices(self, features: np.ndarray, counts: Iterable[int]) -> Iterator[np.ndarray]:
        """(count,) int64 for each count: of each cluster the image nearest to its centre."""
        scores = fit_reduction(features, dimensions=self._dimensions).scores(features).astype(np.float64)
        points = l2_normalised(scores / np.maximum(scores.std(axis=0), 1e-12))
        tree = density_tree(points, min_samples=1)
        for count in counts:
            cluster = linked(len(points), *tree.edges[: len(points) - count].T)
            centre = np.zeros((count, points.shape[1]))
            np.add.at(centre, cluster, points)
            near = np.einsum("ij,ij->i", points, l2_normalised(centre)[cluster])
            order = np.lexsort((-near, cluster))
            yield order[np.searchsorted(cluster[order], np.arange(count))]


def ward(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Winnow's: Ward trees with nested keepers inside ten groups of k-means, which keep their shares."""
    points = fit_reduction(features, dimensions=128)(features)
    return _staying(points, cluster_groups(points, clusters=10, seed=seed), method="ward", seed=seed)


def herding_by_class(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Winnow's where there are labels: herding inside each class, which keep their shares."""
    return _staying(fit_reduction(features, dimensions=128)(features), labels, method="herding", seed=seed)


def _staying(points: np.ndarray, groups: np.ndarray, *, method: Method, seed: int) -> np.ndarray:
    found = score_redundancy(points, method=method, groups=groups, balance=groups, floor=0.95, seed=seed)
    return staying_order(found.removal_rank)


RULES: Mapping[str, Rule | Thesis] = MappingProxyType(
    {
        "random": random,
        "balanced random": balanced_random,
        "uniqueness (FiftyOne)": uniqueness,
        "single linkage (thesis)": Thesis(),
        "herding by class (winnow)": herding_by_class,
        "ward (winnow)": ward,
    }
)
"""By name; the first is what others are compared with, the last is winnow's default."""


def choose(
    rule: Rule | Thesis, features: np.ndarray, labels: np.ndarray, counts: list[int], *, seed: int
) -> list[np.ndarray]:
    """Choices of several sizes: (count,) int64 images each."""
    if isinstance(rule, Thesis):
        return [*rule.choices(features, counts)]
    order = rule(features, labels, seed)
    return [order[:count] for count in counts]
