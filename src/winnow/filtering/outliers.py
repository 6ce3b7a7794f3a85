"""Outliers by density: the tree of HDBSCAN, without its clusters.

HDBSCAN (Campello et al. 2013, doi 10.1007/978-3-642-37456-2_14) joins images by their mutual reachability: the largest
of their distance and both core distances, an image's core distance being that to its k-th nearest. Its minimum
spanning tree says at what distance an image leaves the largest component. The share that HDBSCAN itself calls noise is
arbitrary (36 to 68 % of CIFAR-10), so only the order is used.

Many alike foreign images are the densest spot of a dataset: no rule of this kind finds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import faiss
import numpy as np

from winnow.filtering.spanning_tree import ROUNDING, Edges, distance, nearest_outside, reachability, spanning_tree
from winnow.progress import Reporter

_NEIGHBOURS = 15
_ROWS = 8192


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

    @classmethod
    def of(cls, points: np.ndarray, core: np.ndarray, edges: np.ndarray) -> "DensityTree":
        """From (N, D) float32 points, (N,) float64 core distances and (N - 1, 2) int64 edges in any order."""
        weight = reachability(points, core, edges[:, 0], edges[:, 1])
        order = np.lexsort((edges[:, 1], edges[:, 0], weight))
        return cls(edges[order], weight[order], core)


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
    place = neighbours(points, points, listed=min(listed_neighbours(min_samples), len(points)))
    near = np.sort(distances(points, np.arange(len(points)), place), axis=1)
    core = near[:, min(min_samples, len(points)) - 1].copy()
    return DensityTree.of(points, core, spanned(points, core, place, near[:, -1]))


def listed_neighbours(min_samples: int) -> int:
    """How many nearest images an image's list holds, itself among them."""
    return max(_NEIGHBOURS, min_samples) + 1


def neighbours(points: np.ndarray, among: np.ndarray, *, listed: int, report: Reporter | None = None) -> np.ndarray:
    """(M, listed) int64 rows of (N, D) `among` that are nearest to each of (M, D) points, all float32."""
    place = np.empty((len(points), listed), dtype=np.int64)
    for start in range(0, len(points), _ROWS):
        rows = slice(start, start + _ROWS)
        place[rows] = faiss.knn(points[rows], among, listed)[1]
        if report:
            report(len(points[rows]))
    return place


def distances(points: np.ndarray, images: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(M, L) float64 from each of (M,) images to (M, L) others, rows of (N, D) points."""
    return distance(points, np.repeat(images, place.shape[1]), place.ravel()).reshape(place.shape)


def spanned(points: np.ndarray, core: np.ndarray, place: np.ndarray, farthest: np.ndarray) -> np.ndarray:
    """(N - 1, 2) int64 edges of the exact minimum spanning tree.

    Args:
        points: (N, D) float32.
        core: (N,) float64 core distances.
        place: (N, L) int64, the nearest of each.
        farthest: (N,) float64, the distance to the last of them.
    """
    count, listed = place.shape
    reach = np.maximum(farthest - ROUNDING, core) if listed < count else np.full(count, np.inf)
    edges = Edges(points, core, np.repeat(np.arange(count), listed), place.ravel())
    return spanning_tree(reach, edges, partial(nearest_outside, points, core))


def leaving_height(tree: DensityTree) -> np.ndarray:
    """(N,) float64: at what distance an image leaves the largest component as the distance falls; higher is odder.

    The tree is followed from its root; where it parts, the larger half goes on, and all images of the smaller one leave
    together. Of equal halves the one with the first image goes on.
    """
    left = np.zeros(len(tree.core_distance))
    # Upwards, the last merge of an image into a larger component is the one by which it leaves: later ones overwrite.
    for images, weight in zip(smaller_halves(tree), tree.weight.tolist(), strict=True):
        left[images] = weight
    return left


def smaller_halves(tree: DensityTree) -> Iterator[list[int]]:
    """By edge the images that it joins to as many or more; of equal halves those without the first image."""
    parent = list(range(len(tree.core_distance)))
    members = [[image] for image in parent]

    def find(image: int) -> int:
        while parent[image] != image:
            parent[image] = parent[parent[image]]
            image = parent[image]
        return image

    for one, two in tree.edges.tolist():
        small, large = sorted((find(one), find(two)), key=lambda root: (len(members[root]), -members[root][0]))
        yield members[small]
        parent[small] = large
        members[large] += members[small]
        members[small] = []


def outlier_order(tree: DensityTree) -> np.ndarray:
    """(N,) int64 images, the oddest first: by the height at which they leave, then by core distance, then in order."""
    return np.lexsort((np.arange(len(tree.core_distance)), -tree.core_distance, -leaving_height(tree)))
