"""Which images go at given shares: thresholds on ranks, so that every cut is a part of the next larger one."""

from dataclasses import dataclass

import numpy as np

from winnow.filtering.cover import Points, best_first, covered_by
from winnow.filtering.keepers import kept_for
from winnow.filtering.order import staying_order

_ROUNDING = 1e-9  # 0.29 * 100 is a little less than 29

KEPT, OUTLIER, REDUNDANT, PERSON = "kept", "outlier", "redundant", "person"


@dataclass(frozen=True)
class Cut:
    """What becomes of N images.

    Attributes:
        verdict: (N,) str, `kept`, `outlier`, `redundant`, or `person` for what a person has dropped.
        keeper: (N,) int64, the image that is kept for a redundant one; -1 for all others.
        distance: (N,) float64 Euclidean distance of unit vectors, 0 to 2, from a redundant image to its keeper, among
            the copies where these were looked for, else of the points; NaN for all others.
        spared: outliers by rank that stay because their group has lost its share already.
    """

    verdict: np.ndarray
    keeper: np.ndarray
    distance: np.ndarray
    spared: int

    @property
    def kept(self) -> np.ndarray:
        """(N,) bool."""
        return np.asarray(self.verdict == KEPT)


def cut(
    points: np.ndarray,
    *,
    copies: Points,
    outlier_order: np.ndarray,
    removal_rank: np.ndarray,
    keeper: np.ndarray,
    copy_groups: np.ndarray,
    pixels: np.ndarray,
    groups: np.ndarray,
    outliers: float,
    similar: float | None,
    within: float,
    keep: float | None,
    most_of_a_group: float,
    keep_anyway: np.ndarray | None = None,
    drop_anyway: np.ndarray | None = None,
) -> Cut:
    """Take off outliers, then redundant images.

    Args:
        points: (N, D) float32, rows of length 1.
        copies: the same images where copies are looked for.
        outlier_order: (N,) int64 images, the oddest first.
        removal_rank, keeper: (N,), as in `winnow.filtering.redundancy.Redundancy`.
        copy_groups: (N,) int, the groups inside which images go for their copies.
        pixels: (N,) int, of each image.
        groups: (N,) int, of which outliers may take `most_of_a_group` at most: a rare class is no outlier.
        outliers: share of all images that goes as outliers, in [0, 1].
        similar: share of all images that goes as redundant, in [0, 1]; None for all that have a kept image `within`,
            kept in the order of `best_first`.
        within: Euclidean distance of unit vectors of `copies`.
        keep: share of all images that stays, in (0, 1]; it takes the place of `similar`. None leaves that alone.
        most_of_a_group: share of a group, in [0, 1].
        keep_anyway, drop_anyway: (N,) bool, a person's verdicts, which come first.

    Returns:
        The verdicts. An image that goes as an outlier does not count among the redundant ones, and an image that could
        go as redundant stays where no image is left to go for.
    """
    count = len(points)
    stays = np.zeros(count, dtype=bool) if keep_anyway is None else keep_anyway
    verdict = np.full(count, KEPT, dtype="<U9")
    if drop_anyway is not None:
        verdict[drop_anyway] = PERSON
    odd, spared = _outliers(
        outlier_order[~stays[outlier_order] & (verdict[outlier_order] == KEPT)],
        groups,
        wanted=round(outliers * count),
        most=most_of_a_group,
    )
    verdict[odd] = OUTLIER
    open_to = ~stays & (verdict == KEPT)
    if keep is None and similar is None:
        # Copies are looked for anew: of those that the order knows, some kept images have gone as outliers by now.
        order = staying_order(removal_rank)
        order = best_first(copies, order[verdict[order] == KEPT], pixels=pixels, within=within)
        kept_by, distance = covered_by(copies, group=copy_groups, order=order, may_go=open_to, within=within)
        verdict[kept_by >= 0] = REDUNDANT
    else:
        wanted = round((similar or 0.0) * count)
        if keep is not None:
            wanted = int((verdict == KEPT).sum()) - max(round(keep * count), 1)
        candidates = np.flatnonzero(open_to & (removal_rank > 0))
        verdict[candidates[np.argsort(removal_rank[candidates], kind="stable")][: max(wanted, 0)]] = REDUNDANT
        verdict, kept_by = _with_keepers(points, verdict, keeper)
        redundant, distance = verdict == REDUNDANT, np.full(count, np.nan)
        difference = points[redundant].astype(np.float64) - points[kept_by[redundant]]
        distance[redundant] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return Cut(verdict, np.where(verdict == REDUNDANT, kept_by, -1), distance, spared)


def _outliers(order: np.ndarray, groups: np.ndarray, *, wanted: int, most: float) -> tuple[np.ndarray, int]:
    """The first `wanted` of the order whose groups can spare them, and how many were passed over for that."""
    if not wanted:
        return order[:0], 0
    _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    room = np.floor(most * size + _ROUNDING).astype(np.int64)
    ordered = group[order]
    by_group = np.argsort(ordered, kind="stable")
    starts = np.searchsorted(ordered[by_group], np.arange(len(size)))
    turn = np.empty(len(order), dtype=np.int64)
    turn[by_group] = np.arange(len(order)) - starts[ordered[by_group]]
    able = np.flatnonzero(turn < room[ordered])
    looked_at = int(able[wanted - 1]) + 1 if wanted <= len(able) else len(order)
    taken = able[:wanted]
    return order[taken], looked_at - len(taken)


def _with_keepers(points: np.ndarray, verdict: np.ndarray, keeper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each redundant image's kept one: on its chain of keepers, else the nearest kept image on the chain's tree."""
    kept_by = kept_for(keeper, verdict == KEPT)
    lost = np.flatnonzero((verdict == REDUNDANT) & (kept_by < 0))
    if not len(lost):
        return verdict, kept_by
    root = keeper.copy()
    while not np.array_equal(root, keeper[root]):
        root = keeper[root]
    verdict = verdict.copy()
    for number in np.unique(root[lost]):
        tree = root == number
        kept = np.flatnonzero(tree & (verdict == KEPT))
        members = lost[root[lost] == number]
        if not len(kept):  # all others of the group are gone: its last image stays
            stay = members[-1]
            verdict[stay] = KEPT
            kept, members = np.array([stay]), members[:-1]
        similarity = points[members] @ points[kept].T
        kept_by[members] = kept[similarity.argmax(axis=1)]
    return verdict, kept_by
