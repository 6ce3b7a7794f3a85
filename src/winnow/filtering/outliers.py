"""Outliers by density: the tree of HDBSCAN, without its clusters.

HDBSCAN (Campello et al. 2013, doi 10.1007/978-3-642-37456-2_14) joins images by their mutual reachability: the largest
of their distance and both core distances, an image's core distance being that to its k-th nearest. Its minimum
spanning tree says at what distance an image leaves the largest component. The share that HDBSCAN itself calls noise is
arbitrary (36 to 68 % of CIFAR-10), so only the order is used.

Many alike foreign images are the densest spot of a dataset: no rule of this kind finds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import faiss
import numpy as np
import pandas as pd

from winnow.data.perceptual_hash import linked

_NEIGHBOURS = 15
_BLOCK = 2**22
_ROUNDING = 1e-5  # of squared distances of unit vectors in single precision


@dataclass(frozen=True)
class DensityTree:
    """The minimum spanning tree of mutual reachability over N images.

    Attributes:
        edges: (N - 1, 2) int64, by rising weight.
        weight: (N - 1,) float64 mutual reachability.
        core_distance: (N,) float64 distance to the k-th nearest image, itself counted as the first; higher is lonelier.
    """

    edges: np.ndarray
    weight: np.ndarray
    core_distance: np.ndarray


def density_tree(points: np.ndarray, *, min_samples: int = 5) -> DensityTree:
    """Build the tree.

    Args:
        points: (N, D) float32; unit vectors for a density of directions.
        min_samples: which neighbour's distance is the core distance, the image itself being the first, as in
            scikit-learn (hdbscan's own package does not count it: there it is one less); 1 gives single linkage.

    Returns:
        Edges and core distances. The tree is exact: edges are sought among each image's 15 nearest (or `min_samples`,
        if more), and among all images wherever one that is not listed might be lighter.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    count = len(points)
    listed = min(max(_NEIGHBOURS, min_samples) + 1, count)
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    place = np.empty((count, listed), dtype=np.int64)
    for rows in _parts(count, listed):
        place[rows] = index.search(points[rows], listed)[1]
    own = np.repeat(np.arange(count), listed)
    distance = _distance(points, own, place.ravel()).reshape(count, listed)
    distance.sort(axis=1)
    core = distance[:, min(min_samples, count) - 1].copy()
    reach = np.maximum(distance[:, -1] - _ROUNDING, core) if listed < count else np.full(count, np.inf)
    edges = _Edges(points, core, own, place.ravel())
    chosen = _spanning_tree(points, core, reach, edges)
    order = np.lexsort((chosen[:, 1], chosen[:, 0], _reachability(points, core, chosen[:, 0], chosen[:, 1])))
    chosen = chosen[order]
    return DensityTree(chosen, _reachability(points, core, chosen[:, 0], chosen[:, 1]), core)


def leaving_height(tree: DensityTree) -> np.ndarray:
    """(N,) float64: at what distance an image leaves the largest component as the distance falls; higher is odder.

    The tree is followed from its root; where it parts, the larger half goes on, and all images of the smaller one leave
    together. Of equal halves the one with the first image goes on.
    """
    count = len(tree.core_distance)
    parent = np.arange(count)
    left = np.zeros(count)
    members = [[image] for image in range(count)]

    def find(image: int) -> int:
        while parent[image] != image:
            parent[image] = parent[parent[image]]
            image = parent[image]
        return image

    # Upwards, the last merge of an image into a larger component is the one by which it leaves: later ones overwrite.
    for (one, two), weight in zip(tree.edges.tolist(), tree.weight.tolist(), strict=True):
        small, large = sorted((find(one), find(two)), key=lambda root: (len(members[root]), -members[root][0]))
        left[members[small]] = weight
        parent[small] = large
        members[large] += members[small]
        members[small] = []
    return left


def outlier_order(tree: DensityTree) -> np.ndarray:
    """(N,) int64 images, the oddest first: by the height at which they leave, then by core distance, then in order."""
    return np.lexsort((np.arange(len(tree.core_distance)), -tree.core_distance, -leaving_height(tree)))


class _Edges:
    """Edges known so far, each once, in one order by weight, so that choices by different components never circle."""

    def __init__(self, points: np.ndarray, core: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        self._points, self._core = points, core
        self.ends, self.weight = np.empty((0, 2), dtype=np.int64), np.empty(0)
        self.add(first, second)

    def add(self, first: np.ndarray, second: np.ndarray) -> None:
        other = first != second
        low, high = np.minimum(first, second)[other], np.maximum(first, second)[other]
        low, high = np.unique(np.column_stack([low, high]), axis=0).T if len(low) else (low, high)
        weight = _reachability(self._points, self._core, low, high)
        ends = np.vstack([self.ends, np.column_stack([low, high])])
        weight = np.r_[self.weight, weight]
        order = np.lexsort((ends[:, 1], ends[:, 0], weight))
        self.ends, self.weight = ends[order], weight[order]

    def drop_within(self, component: np.ndarray) -> None:
        """Forget edges inside components: none of them will be chosen."""
        across = component[self.ends[:, 0]] != component[self.ends[:, 1]]
        self.ends, self.weight = self.ends[across], self.weight[across]

    def lightest(self, component: np.ndarray, components: int) -> np.ndarray:
        """(components,) int64: the lightest known edge that leaves each component; -1 where none is known."""
        found = np.full(components, -1)
        touched = component[self.ends].ravel()
        which, first = np.unique(touched, return_index=True)
        found[which] = first // 2
        return found


def outlier_scores(image_id: np.ndarray, points: np.ndarray, *, min_samples: int) -> pd.DataFrame:
    """`image_id`, `outlier_rank` (1 is the oddest), `core_distance`, `leaving_height` of (N,) ids, (N, D) points."""
    tree = density_tree(points, min_samples=min_samples)
    rank = np.empty(len(image_id), dtype=np.int64)
    rank[outlier_order(tree)] = np.arange(1, len(image_id) + 1)
    return pd.DataFrame(
        {
            "image_id": image_id,
            "outlier_rank": rank,
            "core_distance": tree.core_distance,
            "leaving_height": leaving_height(tree),
        }
    )


def _spanning_tree(points: np.ndarray, core: np.ndarray, reach: np.ndarray, edges: _Edges) -> np.ndarray:
    """Boruvka's rounds: every component but the largest takes its lightest edge outwards.

    An edge that is not known weighs at least the `reach` of both its ends. So only images whose `reach` is below the
    lightest known edge of their component are searched among all others; what they find raises their reach.
    """
    count = len(points)
    component, components = np.arange(count), count
    tree = np.empty((0, 2), dtype=np.int64)
    while components > 1:
        edges.drop_within(component)
        largest = np.bincount(component).argmax()
        lightest = edges.lightest(component, components)
        weight = np.where(lightest >= 0, edges.weight[lightest] if len(edges.weight) else np.inf, np.inf)
        unsure = np.flatnonzero((reach < weight[component]) & (component != largest))
        if len(unsure):
            found, least = _nearest_outside(points, core, component, unsure)
            reach[unsure] = np.maximum(reach[unsure], least)
            edges.add(unsure, found)
            lightest = edges.lightest(component, components)
        taken = np.unique(np.delete(lightest, largest))
        tree = np.vstack([tree, edges.ends[taken]])
        ends = component[edges.ends[taken]]
        component = linked(components, *ends.T)[component]
        components = int(component.max()) + 1
    return tree


def _nearest_outside(
    points: np.ndarray, core: np.ndarray, component: np.ndarray, images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each image the one of another component that is reached soonest, and what it takes at least to reach any."""
    order = np.argsort(component, kind="stable")  # so that a component's images stand side by side
    start = np.searchsorted(component[order], np.arange(component.max() + 2))
    squares = np.einsum("ij,ij->i", points, points)[:, None]
    one = np.ones_like(squares)
    others = np.hstack([points, squares, one])[order].T  # so that one product gives squared distances
    core_squared = (core[order] ** 2).astype(np.float32)
    found, least = np.empty(len(images), dtype=np.int64), np.empty(len(images))
    for rows in _parts(len(images), len(points)):
        own = images[rows]
        squared = np.hstack([points[own] * -2, one[own], squares[own]]) @ others
        np.maximum(squared, core_squared, out=squared)
        for row, number in enumerate(component[own].tolist()):
            squared[row, start[number] : start[number + 1]] = np.inf
        place = squared.argmin(axis=1)
        found[rows] = order[place]
        nearest = squared[np.arange(len(own)), place].astype(np.float64)
        least[rows] = np.sqrt(np.maximum(nearest - _ROUNDING, 0))
    return found, np.maximum(least, core[images])


def _reachability(points: np.ndarray, core: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(M,) float64 mutual reachability of pairs."""
    reachability: np.ndarray = np.maximum.reduce([_distance(points, first, second), core[first], core[second]])
    return reachability


def _distance(points: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    distance = np.empty(len(first))
    for part in _parts(len(first), points.shape[1]):
        difference = points[first[part]].astype(np.float64) - points[second[part]]
        distance[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distance


def _parts(count: int, width: int) -> Iterator[slice]:
    """Rows whose numbers together fill a block."""
    rows = max(1, _BLOCK // max(width, 1))
    return (slice(start, start + rows) for start in range(0, count, rows))
