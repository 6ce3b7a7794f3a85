"""Agglomerative clustering by average or Ward linkage: the exact tree, in memory that grows with N and not with N^2.

All clusters that are each other's nearest are merged at once (reciprocal agglomerative clustering: Sumengen et al.,
arXiv 2105.11653; the idea of reciprocal nearest neighbours is Murtagh's, doi 10.1093/comjnl/26.4.354). Both linkages
being reducible, the tree is the one that merging the closest pair again and again gives. A cluster is its centre and
its size: the mean cosine distance of two clusters of unit vectors is 1 - a . b with a, b their means, and Ward's
distance is sqrt(2 |A| |B| / (|A| + |B|)) * |a - b|, as in scipy.
"""

from dataclasses import dataclass

import numpy as np

from winnow.filtering.clusters import Clusters, Linkage


@dataclass(frozen=True)
class MergeTree:
    """A binary tree over N images.

    Attributes:
        children: (N - 1, 2) int64; row i merges two nodes into node N + i; nodes below N are images.
        height: (N - 1,) float64, not falling: distance of the two, in the linkage's unit.
        size: (N - 1,) int64, images under the node.
    """

    children: np.ndarray
    height: np.ndarray
    size: np.ndarray

    def labels(self, clusters: int) -> np.ndarray:
        """(N,) int64 cluster of each image when the tree is cut into so many; numbered by their first image."""
        count = len(self.height) + 1
        parent = np.arange(2 * count - 1)
        joined = max(count - max(clusters, 1), 0)
        for row in range(joined):
            parent[self.children[row]] = count + row
        for node in range(len(parent) - 1, -1, -1):  # parents come behind their children
            parent[node] = parent[parent[node]]
        _, first, place = np.unique(parent[:count], return_index=True, return_inverse=True)
        number = np.empty(len(first), dtype=np.int64)
        number[np.argsort(first)] = np.arange(len(first))
        return number[place]


def merge_tree(features: np.ndarray, *, linkage: Linkage) -> MergeTree:
    """Build the tree of N images.

    Args:
        features: (N, D) float, rows of length 1 (a row of zeros is allowed), N at least 1.
        linkage: `ward` (Euclidean) or `average` (cosine distance, 0 to 2).

    Returns:
        The tree; images with equal features are merged first, at height 0.
    """
    features = np.ascontiguousarray(features)
    count = len(features)
    _, first, place, copies = np.unique(
        features.view([("", features.dtype)] * features.shape[1]).ravel(),
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    merges = _Merges(count)
    node = _merge_copies(merges, place.ravel(), len(first))
    if len(first) > 1:
        clusters = Clusters(features[first], copies, linkage=linkage)
        while len(clusters.alive) > 1:
            pairs = clusters.mutual()
            height = np.maximum(pairs.distance, 0)
            node[pairs.first] = merges.add(
                node[pairs.first], node[pairs.second], np.sqrt(height) if linkage == "ward" else height
            )
            clusters.merge(pairs)
    return merges.tree()


def _merge_copies(merges: "_Merges", place: np.ndarray, distinct: int) -> np.ndarray:
    """Merge images with equal features, half of them with the other half; the (distinct,) nodes that stand for them."""
    by_place = np.argsort(place, kind="stable")
    nodes, owner = by_place, place[by_place]
    while len(nodes) > distinct:
        start = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        turn = np.arange(len(nodes)) - np.repeat(start, np.diff(np.r_[start, len(nodes)]))
        second = np.flatnonzero(turn % 2 == 1)
        nodes = nodes.copy()
        nodes[second - 1] = merges.add(nodes[second - 1], nodes[second], np.zeros(len(second)))
        left = np.delete(np.arange(len(nodes)), second)
        nodes, owner = nodes[left], owner[left]
    return nodes.copy()


class _Merges:
    """Merges in any order in which children come before parents."""

    def __init__(self, count: int) -> None:
        self._count, self._done = count, 0
        self._children = np.empty((max(count - 1, 0), 2), dtype=np.int64)
        self._height = np.zeros(2 * count - 1)  # of images and merges
        self._size = np.ones(2 * count - 1, dtype=np.int64)

    def add(self, first: np.ndarray, second: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Merge (M,) pairs of nodes; their (M,) new nodes. Rounding never puts a node below its children."""
        rows = slice(self._done, self._done + len(first))
        nodes = np.arange(rows.start, rows.stop) + self._count
        self._children[rows] = np.column_stack([first, second])
        self._height[nodes] = np.maximum.reduce([height, self._height[first], self._height[second]])
        self._size[nodes] = self._size[first] + self._size[second]
        self._done = rows.stop
        return nodes

    def tree(self) -> MergeTree:
        """In order of height; of equal ones in the order in which they were merged."""
        height = self._height[self._count :]
        order = np.argsort(height, kind="stable")
        new_node = np.arange(2 * self._count - 1)
        new_node[self._count + order] = self._count + np.arange(len(order))
        children = np.sort(new_node[self._children[order]], axis=1)
        return MergeTree(children, height[order], self._size[self._count :][order])
