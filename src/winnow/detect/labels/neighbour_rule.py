"""The rule on neighbours: when they alone speak against a label, and when an image lies well inside its class.

As in the paper whose pipeline docs/competition.md describes: an image whose neighbours all have one other label takes
it, one that is far from its class or lies in another's cluster goes, and one that is far from the nearest image of its
class, but in its cluster, is an edge case.
"""

import numpy as np
import pandas as pd

IN_CLUSTER = 0.9
"""Share of the neighbours that have one label, from which on an image lies in that label's cluster."""


def with_another_label(scores: pd.DataFrame, labels: np.ndarray, *, share: float) -> np.ndarray:
    """(N,) bool: images of whose neighbours at least this share has one other label; `neighbour_label` names it.

    Args:
        scores: with the columns of `neighbour_scores`; a label of -1 stands for no neighbours.
        labels: (N,) integers in [0, K).
        share: in [0, 1]; above 1 there is no such image.
    """
    near = scores["neighbour_label"].to_numpy()
    found: np.ndarray = (near >= 0) & (near != labels) & (scores["neighbour_agreement"].to_numpy() >= share)
    return found


def far_from_its_class(scores: pd.DataFrame, labels: np.ndarray, *, distance: float) -> np.ndarray:
    """(N,) bool: images farther than this from the nearest one of their label, most of whose neighbours have another.

    Args:
        scores, labels: as in `with_another_label`.
        distance: in units of the label's median.
    """
    another = with_another_label(scores, labels, share=0.5) & (scores["neighbour_agreement"].to_numpy() > 0.5)
    found: np.ndarray = another & (scores["neighbour_distance"].to_numpy() > distance)
    return found


def in_another_cluster(scores: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    """(N,) bool: images nine in ten of whose neighbours have one other label, however near the nearest of their own.

    Args:
        scores, labels: as in `with_another_label`.
    """
    return with_another_label(scores, labels, share=IN_CLUSTER)


def outside_its_class(
    scores: pd.DataFrame, labels: np.ndarray, *, distance: float, another_cluster: bool
) -> np.ndarray:
    """(N,) bool: images `far_from_its_class`, and with `another_cluster` those `in_another_cluster` too.

    Args:
        scores, labels, distance: as in `far_from_its_class`.
        another_cluster: whether a cluster of another label counts, too.
    """
    far = far_from_its_class(scores, labels, distance=distance)
    return far | in_another_cluster(scores, labels) if another_cluster else far


def edge_difficulty(scores: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    """(N,) float: how far an edge case is from the nearest image of its label, NaN for what is none.

    Args:
        scores, labels: as in `with_another_label`; an edge case lies in the cluster of its own label.
    """
    agreement = scores["neighbour_agreement"].to_numpy()
    inside = (scores["neighbour_label"].to_numpy() == labels) & (agreement >= IN_CLUSTER)
    return np.where(inside, scores["neighbour_distance"].to_numpy(), np.nan)
