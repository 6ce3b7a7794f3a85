"""Redundancy of every image, scored once: its keeper and its place in the order, by a merge tree or by herding."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from winnow.filtering.blocks import block_keepers
from winnow.filtering.cover import Copies
from winnow.filtering.groups import cluster_groups
from winnow.filtering.herding import herded_keepers
from winnow.filtering.keepers import nested_keepers
from winnow.filtering.kmeans import MOST_EXACT
from winnow.filtering.merge_tree import merge_tree
from winnow.filtering.order import removal_order
from winnow.progress import progress

Method = Literal["ward", "average", "herding"]
"""A merge tree of either linkage, or an order of herding."""

_TILES = 50
_FARTHEST = 2.0 + 1e-6  # distance of unit vectors, and rounding


@dataclass(frozen=True)
class Redundancy:
    """Scores of N images.

    Attributes:
        keeper: (N,) int64, the image that stays when this one goes; itself where it never goes.
        height: (N,) float64, of the merge by which it goes, in the linkage's unit, or by herding the share of its block
            that goes before it or with it; below 0 for copies, which go first; infinite where it never goes.
        removal_rank: (N,) int64, 1 for the first to go; 0 where it never goes.
        tile: (N,) int64, one of some 50 clusters, to look at: foreign images that are alike share one.
    """

    keeper: np.ndarray
    height: np.ndarray
    removal_rank: np.ndarray
    tile: np.ndarray


def score_redundancy(
    points: np.ndarray,
    *,
    method: Method,
    groups: np.ndarray,
    balance: np.ndarray,
    floor: float,
    copies: Copies | None = None,
    most_exact: int = MOST_EXACT,
    seed: int = 0,
) -> Redundancy:
    """Score every image.

    Args:
        points: (N, D) float32, rows of length 1.
        method: how images are ranked inside a group.
        groups: (N,) int; each is ranked apart, so that no image but a copy goes for one of another group.
        balance: (N,) int, the groups whose shares are held; `winnow.filtering.order`.
        floor: in [0, 1], how much of its share a group of `balance` keeps at least.
        copies: which images are copies of which. Of each group of `balance` they go first, the nearest before all
            others, and the rest is ranked without them; a group that must keep its share can hold its copies back.
            None: of none is that known.
        most_exact: images of a group above which a tree is built in blocks (`winnow.filtering.blocks`); herding has a
            bound of its own.
        seed: of blocks and tiles.

    Returns:
        Scores; in every group that is not all copies one image never goes.
    """
    count = len(points)
    keeper, height = np.arange(count), np.full(count, np.inf)
    tile, tiles = np.zeros(count, dtype=np.int64), 0
    is_copy = np.zeros(count, dtype=bool) if copies is None else copies.of >= 0
    alone = count - int(is_copy.sum())
    with progress("rank", alone) as report:
        for group in np.unique(groups[~is_copy]):
            members = np.flatnonzero((groups == group) & ~is_copy)
            inside = points[members]
            tiles_inside = max(1, round(_TILES * len(members) / alone))
            if method == "herding":
                found = herded_keepers(inside, seed=seed)
                part = cluster_groups(inside, clusters=tiles_inside, seed=seed)
            elif len(members) > most_exact:
                found = block_keepers(inside, linkage=method, seed=seed)
                part = cluster_groups(inside, clusters=tiles_inside, seed=seed)
            else:
                tree = merge_tree(inside, linkage=method)
                found = nested_keepers(tree, inside)
                part = tree.labels(tiles_inside)
            tile[members] = tiles + part
            tiles += int(part.max()) + 1
            keeper[members], height[members] = members[found.keeper], found.height
            report(len(members))
    if copies is not None:
        keeper[is_copy], tile[is_copy] = copies.of[is_copy], tile[copies.of[is_copy]]
        height[is_copy] = copies.distance[is_copy] - _FARTHEST
    rank = np.zeros(count, dtype=np.int64)
    order = removal_order(height, balance, floor=floor)
    rank[order] = np.arange(1, len(order) + 1)
    return Redundancy(keeper, height, rank, tile)
