"""Minimum spanning trees of mutual reachability, by Boruvka's rounds over edges that are sought as they are needed."""

from collections.abc import Callable, Iterator

import numpy as np

from winnow.data.perceptual_hash import linked

ROUNDING = 1e-5  # of squared distances of unit vectors in single precision
_BLOCK = 2**22
_AT_ONCE = 100_000  # others, whose copies so take little memory

Outside = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of (N,) components and (M,) images: for each image the one of another component that is reached soonest, and what it
takes at least to reach any."""


class Edges:
    """Edges known so far, each once, in one order by weight, so that choices by different components never circle."""

    def __init__(self, points: np.ndarray, core: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        self._points, self._core = points, core
        self.ends, self.weight = np.empty((0, 2), dtype=np.int64), np.empty(0)
        self.add(first, second)

    def add(self, first: np.ndarray, second: np.ndarray) -> None:
        other = first != second
        low, high = np.minimum(first, second)[other], np.maximum(first, second)[other]
        low, high = np.unique(np.column_stack([low, high]), axis=0).T if len(low) else (low, high)
        weight = reachability(self._points, self._core, low, high)
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


def spanning_tree(
    reach: np.ndarray, edges: Edges, outside: Outside, *, component: np.ndarray | None = None
) -> np.ndarray:
    """(M, 2) int64: Boruvka's rounds, in which every component but the largest takes its lightest edge outwards.

    An edge that is not known weighs at least the `reach` of both its ends. So only images whose `reach` is below the
    lightest known edge of their component are searched; what they find is their reach from then on.

    Args:
        reach: (N,) float64; written to.
        edges: those that are known; written to.
        outside: searches all other components.
        component: (N,) int64 in [0, M], what is joined already, so that M edges join the rest; None: nothing is.
    """
    component = np.arange(len(reach)) if component is None else component
    components = int(component.max()) + 1
    tree = np.empty((0, 2), dtype=np.int64)
    while components > 1:
        edges.drop_within(component)
        largest = np.bincount(component).argmax()
        lightest = edges.lightest(component, components)
        weight = np.where(lightest >= 0, edges.weight[lightest] if len(edges.weight) else np.inf, np.inf)
        unsure = np.flatnonzero((reach < weight[component]) & (component != largest))
        if len(unsure):
            found, least = outside(component, unsure)
            reach[unsure] = least
            edges.add(unsure, found)
            lightest = edges.lightest(component, components)
        taken = np.unique(np.delete(lightest, largest))
        tree = np.vstack([tree, edges.ends[taken]])
        ends = component[edges.ends[taken]]
        component = linked(components, *ends.T)[component]
        components = int(component.max()) + 1
    return tree


def nearest_outside(
    points: np.ndarray, core: np.ndarray, component: np.ndarray, images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What an `Outside` gives, exactly: every image is compared with all of (N, D) points."""
    order = np.argsort(component, kind="stable")  # so that a component's images stand side by side
    start = np.searchsorted(component[order], np.arange(component.max() + 2))
    own = np.column_stack([start[component[images]], start[component[images] + 1]])
    return soonest(points, core, images, order, own)


def soonest(
    points: np.ndarray, core: np.ndarray, images: np.ndarray, among: np.ndarray, left_out: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """For each of (M,) images the one of (L,) others that is reached soonest, and what it takes at least to reach any.

    Args:
        points: (N, D) float32.
        core: (N,) float64.
        images, among: rows of these.
        left_out: (M, 2) int64, the first and the end of the places of `among` that an image is not compared with.
    """
    found, least = np.zeros(len(images), dtype=np.int64), np.full(len(images), np.inf)
    for first in range(0, len(among), _AT_ONCE):
        columns = among[first : first + _AT_ONCE]
        others = points[columns]
        squares, one = np.einsum("ij,ij->i", others, others)[:, None], np.ones((len(others), 1), dtype=others.dtype)
        others = np.hstack([others, squares, one]).T  # so that one product gives squared distances
        core_squared = (core[columns] ** 2).astype(np.float32)
        for rows in parts(len(images), len(columns)):
            own = points[images[rows]]
            squares = np.einsum("ij,ij->i", own, own)[:, None]
            squared = np.hstack([own * -2, np.ones_like(squares), squares]) @ others
            np.maximum(squared, core_squared, out=squared)
            if left_out is not None:
                for row, (start, end) in enumerate(np.maximum(left_out[rows] - first, 0).tolist()):
                    squared[row, start:end] = np.inf
            place = squared.argmin(axis=1)
            smallest = squared[np.arange(len(own)), place].astype(np.float64)
            nearer = smallest < least[rows]
            found[rows] = np.where(nearer, columns[place], found[rows])
            least[rows] = np.where(nearer, smallest, least[rows])
    return found, np.maximum(np.sqrt(np.maximum(least - ROUNDING, 0)), core[images])


def reachability(points: np.ndarray, core: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(M,) float64 mutual reachability of pairs."""
    return np.asarray(np.maximum.reduce([distance(points, first, second), core[first], core[second]]))


def distance(points: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(M,) float64 Euclidean distances of pairs."""
    found = np.empty(len(first))
    for part in parts(len(first), points.shape[1]):
        difference = points[first[part]].astype(np.float64) - points[second[part]]
        found[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return found


def parts(count: int, width: int) -> Iterator[slice]:
    """Rows whose numbers together fill a block."""
    rows = max(1, _BLOCK // max(width, 1))
    return (slice(start, start + rows) for start in range(0, count, rows))
