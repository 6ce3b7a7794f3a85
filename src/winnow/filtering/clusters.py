"""Clusters that are being merged: their centres, and for each the nearest other, found exactly and seldom searched.

Average and Ward linkage are reducible: merging two clusters that are each other's nearest brings no third one nearer
than the nearer of the two was. So a list of a cluster's nearest, once searched, stays of use: whatever was not on it is
at least as far as the list reached. All others are searched only where the nearest one left on the list is farther than
that.
"""

from dataclasses import dataclass
from typing import Literal

import faiss
import numpy as np

Linkage = Literal["ward", "average"]

_LISTED = 16  # neighbours on a list; more cost memory, fewer cost searches
_BLOCK = 2**21  # distances in a block
_ROUNDING = 1e-5  # of squared distances of unit vectors in single precision; more than it ever is


@dataclass(frozen=True)
class Pairs:
    """Clusters that are merged at once: (M,) places of the first and second of each pair, and their (M,) distances."""

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray


class Clusters:
    """N clusters in N places; a merged cluster lives on in the place of its first half.

    Distances are squared for Ward linkage, cosine distances for average linkage.
    """

    def __init__(self, points: np.ndarray, sizes: np.ndarray, *, linkage: Linkage) -> None:
        """Args: (N, D) float, the centres, no longer than 1; (N,) int, the images each stands for; N at least 2."""
        self._ward = linkage == "ward"
        self.centres = np.ascontiguousarray(points, dtype=np.float64)
        self.sizes = np.asarray(sizes, dtype=np.float64)
        self.alive = np.arange(len(points))
        self._home = np.arange(len(points))  # the place that a place was merged into, itself if it lives
        self._listed, self._reach = self._first_lists(np.ascontiguousarray(points, dtype=np.float32))
        self.nearest = np.empty(len(points), dtype=np.int64)
        self.distance = np.empty(len(points))
        self._update(self.alive)

    def mutual(self) -> Pairs:
        """All pairs that are each other's nearest; the one closest pair where ties in a circle leave none."""
        partner = self.nearest[self.alive]
        is_first = (self.nearest[partner] == self.alive) & (self.alive < partner)
        first = self.alive[is_first]
        if not len(first):
            closest = self.alive[np.argmin(self.distance[self.alive])]
            first = np.array([min(closest, self.nearest[closest])])
            second = np.array([max(closest, self.nearest[closest])])
            return Pairs(first, second, self.distance[[closest]])
        return Pairs(first, self.nearest[first], self.distance[first])

    def merge(self, pairs: Pairs) -> None:
        """Merge each pair into its first place and find what is nearest now."""
        first, second = pairs.first, pairs.second
        one, two = self.sizes[first, None], self.sizes[second, None]
        reach = self._reach_of_merged(pairs)
        self.centres[first] = (one * self.centres[first] + two * self.centres[second]) / (one + two)
        self.sizes[first] += self.sizes[second]
        self._home[second] = first
        gone = np.zeros(len(self._home), dtype=bool)
        gone[second] = True
        self.alive = self.alive[~gone[self.alive]]
        if len(self.alive) == 1:
            return
        self._join_lists(first, second, reach)
        changed = gone  # whose nearest is no longer what it was
        changed[first] = True
        self._update(self.alive[changed[self.alive] | changed[self.nearest[self.alive]]])

    def _first_lists(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count, dimensions = points.shape
        listed = min(_LISTED, count - 1)
        index = faiss.IndexFlatL2(dimensions) if self._ward else faiss.IndexFlatIP(dimensions)
        index.add(points)
        found = np.empty((count, listed), dtype=np.int32)
        reach = np.empty(count)
        rows = max(1, _BLOCK // (listed + 2))
        for start in range(0, count, rows):
            value, place = index.search(points[start : start + rows], min(listed + 2, count))
            own = np.arange(start, start + len(place))
            far = value.astype(np.float64) if self._ward else 1 - value.astype(np.float64)
            far[place == own[:, None]] = -np.inf  # itself comes first, also before its copies
            order = np.argsort(far, axis=1, kind="stable")
            found[own] = np.take_along_axis(place, order, axis=1)[:, 1 : listed + 1]
            last = np.take_along_axis(far, order, axis=1)[:, -1]
            # Single precision and its cancellation: what was left out may be a little nearer than the last one found.
            reach[own] = last - _ROUNDING if count > listed + 1 else np.inf
        if self._ward:
            reach *= 2 * self.sizes / (self.sizes + 1)
        return found, reach

    def _reach_of_merged(self, pairs: Pairs) -> np.ndarray:
        """(M,) how far at least all are that neither half has listed, by the formula of Lance and Williams."""
        one, two = self.sizes[pairs.first], self.sizes[pairs.second]
        near, far = self._reach[pairs.first], self._reach[pairs.second]
        reach: np.ndarray = (one * near + two * far) / (one + two)
        if self._ward:  # the third cluster may be of one image, or of very many
            smallest = ((one + 1) * near + (two + 1) * far - pairs.distance) / (one + two + 1)
            reach = np.minimum(smallest, near + far - pairs.distance)
        return reach

    def _join_lists(self, first: np.ndarray, second: np.ndarray, reach: np.ndarray) -> None:
        width = self._listed.shape[1]
        rows = max(1, _BLOCK // (2 * width * self.centres.shape[1]))
        for start in range(0, len(first), rows):
            own, other = first[start : start + rows], second[start : start + rows]
            both = np.sort(self._homes(np.hstack([self._listed[own], self._listed[other]])), axis=1)
            value = self._distances(own, both)
            value[:, 1:][both[:, 1:] == both[:, :-1]] = np.inf
            order = np.argsort(value, axis=1, kind="stable")
            self._listed[own] = np.take_along_axis(both, order[:, :width], axis=1)
            left_out = np.take_along_axis(value, order[:, width : width + 1], axis=1)[:, 0]
            self._reach[own] = np.minimum(reach[start : start + rows], left_out)

    def _update(self, places: np.ndarray) -> None:
        rows = max(1, _BLOCK // (self._listed.shape[1] * self.centres.shape[1]))
        unsure = []
        for start in range(0, len(places), rows):
            own = places[start : start + rows]
            listed = self._homes(self._listed[own])
            value = self._distances(own, listed)
            best = value.argmin(axis=1)
            self.distance[own] = np.take_along_axis(value, best[:, None], axis=1)[:, 0]
            self.nearest[own] = np.take_along_axis(listed, best[:, None], axis=1)[:, 0]
            unsure.append(own[~(self.distance[own] <= self._reach[own])])
        self._search(np.concatenate(unsure) if unsure else places)

    def _search(self, places: np.ndarray) -> None:
        """Look at all clusters, and write new lists."""
        width = min(self._listed.shape[1], len(self.alive) - 1)
        rows = max(1, _BLOCK // len(self.alive))
        centres, sizes = self.centres[self.alive].astype(np.float32), self.sizes[self.alive].astype(np.float32)
        squares = np.einsum("ij,ij->i", centres, centres)[:, None]
        one = np.ones_like(squares)
        # So that one product gives squared distances, or cosine distances.
        others = np.hstack([centres, squares, one] if self._ward else [centres, one]).T
        for start in range(0, len(places), rows):
            own = places[start : start + rows]
            at = np.searchsorted(self.alive, own)
            if self._ward:
                value = np.hstack([centres[at] * -2, one[at], squares[at]]) @ others
                value *= 2 * sizes[at, None] * sizes / (sizes[at, None] + sizes)
            else:
                value = np.hstack([-centres[at], one[at]]) @ others
            value[np.arange(len(own)), at] = np.inf
            if len(self.alive) - 1 > width:
                order = np.argpartition(value, width, axis=1)[:, : width + 1]
                nearest = np.take_along_axis(value, order, axis=1)
                by_distance = np.argsort(nearest, axis=1, kind="stable")
                order = np.take_along_axis(order, by_distance[:, :width], axis=1)
                farthest = nearest.max(axis=1).astype(np.float64)
                self._reach[own] = farthest - _ROUNDING * (2 * self.sizes[own] if self._ward else 1)
            else:
                order = np.argsort(value, axis=1, kind="stable")[:, :width]
                self._reach[own] = np.inf
            listed = self.alive[order]
            self._listed[own] = own[:, None]  # places of the list that are not filled: itself, infinitely far
            self._listed[own, :width] = listed
            exact = self._distances(own, listed)
            best = exact.argmin(axis=1)
            self.nearest[own] = listed[np.arange(len(own)), best]
            self.distance[own] = exact[np.arange(len(own)), best]

    def _homes(self, places: np.ndarray) -> np.ndarray:
        """Where the clusters are that lived in these places."""
        home = self._home[places]
        while True:
            further = self._home[home]
            if np.array_equal(further, home):
                return np.asarray(home)
            home = further

    def _distances(self, own: np.ndarray, others: np.ndarray) -> np.ndarray:
        """(M, L) float64 of (M,) places to (M, L) others, infinite to itself."""
        if self._ward:
            difference = self.centres[others] - self.centres[own, None]
            value = np.einsum("ijk,ijk->ij", difference, difference)
            size, other_size = self.sizes[own, None], self.sizes[others]
            value *= 2 * size * other_size / (size + other_size)
        else:
            value = 1 - np.einsum("ijk,ik->ij", self.centres[others], self.centres[own])
        value[others == own[:, None]] = np.inf
        return np.asarray(value)
