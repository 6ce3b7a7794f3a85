"""Ways to choose which images stay: what filtering is compared with, and winnow's own as stage `merge` ranks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from winnow.data.perceptual_hash import linked
from winnow.encoders.normalise import l2_normalised
from winnow.filtering.copies import CopySpace
from winnow.filtering.cover import Copies, find_copies
from winnow.filtering.groups import cluster_groups
from winnow.filtering.order import staying_order
from winnow.filtering.outliers import density_tree
from winnow.filtering.reduction import fit_reduction
from winnow.filtering.redundancy import Method, score_redundancy
from winnow.learn.neighbours import nearest_neighbours

_DIMENSIONS, _FLOOR = 128, 0.95


@dataclass(frozen=True)
class Candidates:
    """N images to choose from.

    Attributes:
        features: (N, D) float32.
        labels: (N,) int64, classes or sets of box classes; None where nothing is known.
        copies: the same images where copies are looked for; None: none is known as a copy.
        within: how far a copy may be there, as `winnow.filtering.cover.find_copies` has it.
        pixels: (N,) int64, of each image; None where all are equally large.
    """

    features: np.ndarray
    labels: np.ndarray | None = None
    copies: CopySpace | None = None
    within: float = 0.0
    pixels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.features)

    @property
    def classes(self) -> np.ndarray:
        """(N,) int64: the labels, or one class of all where there are none."""
        return np.zeros(len(self), dtype=np.int64) if self.labels is None else self.labels

    def only(self, places: np.ndarray) -> "Candidates":
        """Those at (M,) int64 places, in ascending order."""
        chosen = np.zeros(len(self), dtype=bool)
        chosen[places] = True
        return replace(
            self,
            features=self.features[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            copies=None if self.copies is None else self.copies.only(chosen),
            pixels=None if self.pixels is None else self.pixels[chosen],
        )

    def copies_inside(self, groups: np.ndarray) -> Copies | None:
        """Which are copies of which inside (N,) int groups; None where that is not known."""
        if self.copies is None:
            return None
        pixels = np.ones(len(self), dtype=np.int64) if self.pixels is None else self.pixels
        return find_copies(self.copies, groups, pixels=pixels, within=self.within)


Rule = Callable[[Candidates, int], np.ndarray]
"""From N images and a seed to (N,) int64 images in the order in which they stay: any number of the first ones is the
choice of that size."""


def random(images: Candidates, seed: int) -> np.ndarray:
    """Any images."""
    return np.random.default_rng(seed).permutation(len(images))


def balanced_random(images: Candidates, seed: int) -> np.ndarray:
    """As many of each class as of any other, while they last."""
    labels = images.classes
    shuffled = np.random.default_rng(seed).permutation(len(images))
    turn = np.empty(len(images), dtype=np.int64)
    for label in np.unique(labels):
        own = shuffled[labels[shuffled] == label]
        turn[own] = np.arange(len(own))
    return shuffled[np.argsort(turn[shuffled], kind="stable")]


def uniqueness(images: Candidates, seed: int) -> np.ndarray:
    """The most unique first, by FiftyOne's formula: 0.6, 0.3 and 0.1 of the distances to the three nearest images."""
    unit = l2_normalised(images.features)
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


def ward(images: Candidates, seed: int) -> np.ndarray:
    """Winnow's: copies first, then Ward trees with nested keepers inside ten groups of k-means, as stage `merge` ranks;
    classes keep their shares, or those groups where there are none."""
    points = fit_reduction(images.features, dimensions=_DIMENSIONS)(images.features)
    groups = cluster_groups(points, clusters=10, seed=seed)
    balance = groups if images.labels is None else images.labels
    copies = images.copies_inside(np.zeros_like(groups))  # k-means parts copies that lie on a border
    return _staying(points, method="ward", groups=groups, balance=balance, copies=copies, seed=seed)


def herding_by_class(images: Candidates, seed: int) -> np.ndarray:
    """Winnow's where there are labels: copies first, then herding, inside each class, which keep their shares."""
    points = fit_reduction(images.features, dimensions=_DIMENSIONS)(images.features)
    groups = images.classes
    copies = images.copies_inside(groups)
    return _staying(points, method="herding", groups=groups, balance=groups, copies=copies, seed=seed)


def _staying(
    points: np.ndarray,
    *,
    method: Method,
    groups: np.ndarray,
    balance: np.ndarray,
    copies: Copies | None,
    seed: int,
) -> np.ndarray:
    found = score_redundancy(
        points, method=method, groups=groups, balance=balance, floor=_FLOOR, copies=copies, seed=seed
    )
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


def choose(rule: Rule | Thesis, images: Candidates, counts: list[int], *, seed: int) -> list[np.ndarray]:
    """Choices of several sizes: (count,) int64 images each."""
    if isinstance(rule, Thesis):
        return [*rule.choices(images.features, counts)]
    order = rule(images, seed)
    return [order[:count] for count in counts]
