"""The class of an image by a vote of its neighbours in feature space."""

from dataclasses import dataclass

import numpy as np

from winnow.learn.neighbours import compact, nearest_neighbours

# How many members of an image's duplicate group are looked past for neighbours from outside it.
MOST_COPIES = 100
# Of the candidates, some lie in the fold that is left out: this many times as many as vote are looked up.
_SPARE = 2


@dataclass(frozen=True)
class Neighbourhood:
    """The nearest images of each image from outside its duplicate group, nearest first.

    Attributes:
        features: (N, D) float32, L2-normalised, that were searched.
        nearest: (N, k) int64 positions.
        weight: (N, k) float64 similarity, 0 where the neighbour has no say.
    """

    features: np.ndarray
    nearest: np.ndarray
    weight: np.ndarray

    def first(self, count: int) -> np.ndarray:
        """(N, count) int64 positions of the nearest that have a say, filled up with others where those run out."""
        order = np.argsort(self.weight <= 0, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(self.nearest, order, axis=1)


def neighbourhood(features: np.ndarray, *, neighbours: int, groups: np.ndarray | None = None) -> Neighbourhood:
    """Look up enough neighbours that, but for a few images, `neighbours` can vote whichever fold is left out.

    Args:
        features: (N, D) float32, L2-normalised; searched by their first 256 principal components.
        neighbours: how many are to vote.
        groups: (N,) int; members of one group do not vote for one another.
    """
    groups = np.arange(len(features)) if groups is None else np.asarray(groups)
    largest = int(np.unique(groups, return_counts=True)[1].max())
    searched = compact(features)
    similarity, nearest = nearest_neighbours(searched, k=_SPARE * neighbours + min(largest - 1, MOST_COPIES))
    weight = np.where(groups[nearest] != groups[:, None], np.maximum(similarity, 0), 0).astype(np.float64)
    return Neighbourhood(features=searched, nearest=nearest, weight=weight)


def knn_vote(
    class_probs: np.ndarray, around: Neighbourhood, *, neighbours: int, may_vote: np.ndarray | None = None
) -> np.ndarray:
    """Mean class of each image's nearest neighbours, weighted by similarity.

    Args:
        class_probs: (N, K) what each image votes for: one-hot labels, or probabilities.
        around: of `neighbourhood`, for at least as many neighbours.
        neighbours: how many vote, the nearest that may.
        may_vote: (N,) bool, or None if all may.

    Returns:
        (N, K) float64, rows sum to 1; uniform where nobody similar is left to vote.
    """
    weight = around.weight if may_vote is None else around.weight * may_vote[around.nearest]
    weight = weight * (np.cumsum(weight > 0, axis=1) <= neighbours)
    votes: np.ndarray = np.zeros(class_probs.shape)
    for column in range(weight.shape[1]):  # a gather of (N, k, K) at once would not fit in memory at large N
        votes += weight[:, column, None] * class_probs[around.nearest[:, column]]
    total = votes.sum(axis=1, keepdims=True)
    shares: np.ndarray = np.divide(votes, total, out=np.full_like(votes, 1 / votes.shape[1]), where=total > 0)
    return shares
