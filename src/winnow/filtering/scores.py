"""The scores of all filtered images as tables, whatever will be cut."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.errors import WinnowError
from winnow.filtering.agreement import block_agreement
from winnow.filtering.copies import across_groups, pixel_counts
from winnow.filtering.cover import Points, find_copies
from winnow.filtering.groups import cluster_groups, group_labels, predicted_groups
from winnow.filtering.kmeans import MOST_EXACT
from winnow.filtering.redundancy import Method, score_redundancy

_FOLDS = 5


def redundancy_scores(
    items: pd.DataFrame,
    points: np.ndarray,
    *,
    copies: Points,
    within: float,
    method: Method,
    groups: str,
    clusters: int,
    floor: float,
    seed: int,
    most_exact: int = MOST_EXACT,
) -> pd.DataFrame:
    """Score the redundancy of N images.

    Args:
        items: of these, sorted by `image_id`.
        points: (N, D) float32, rows of length 1.
        copies: the same images where copies are looked for.
        within: Euclidean distance of unit vectors of `copies` up to which an image is a copy.
        method, most_exact: of `score_redundancy`.
        groups: `none`, `label`, `predicted` or `cluster`, as in the section `redundancy` of the params.
        clusters: groups of k-means.
        floor: of `winnow.filtering.order.removal_order`.
        seed: of k-means and folds.

    Returns:
        A row per image: `group`, `balance` (its class or set of box classes where there are any, else its group),
        `tile`, `removal_rank`, `merge_height`, `stays_for_it`.

    Raises:
        WinnowError: if groups by label or prediction are asked for and there are no labels.
    """
    known = group_labels(items)
    if groups in ("label", "predicted") and known is None:
        raise WinnowError(f"redundancy.groups is {groups}, but the dataset has no labels; set it to cluster or none.")
    group = np.zeros(len(items), dtype=np.int64)
    if groups == "cluster":
        group = cluster_groups(points, clusters=clusters, seed=seed)
    elif groups == "predicted" and known is not None:
        group = predicted_groups(points, known, num_classes=int(known.max()) + 1, folds=_FOLDS, seed=seed)
    balance = group if known is None else known - known.min()  # images without a label are a group of their own
    if groups == "label":
        group = balance
    copy_groups = np.zeros_like(group) if across_groups(groups) else group
    found = score_redundancy(
        points,
        method=method,
        groups=group,
        balance=balance,
        floor=floor,
        copies=find_copies(copies, copy_groups, pixels=pixel_counts(items), within=within),
        most_exact=most_exact,
        seed=seed,
    )
    ids = items["image_id"].to_numpy()
    return pd.DataFrame(
        {
            "image_id": ids,
            "group": group.astype(np.int64),
            "balance": balance.astype(np.int64),
            "tile": found.tile,
            "removal_rank": found.removal_rank,
            "merge_height": found.height,
            "stays_for_it": ids[found.keeper],
        }
    )


def order_figures(
    scores: pd.DataFrame, points: np.ndarray, *, method: Method, seed: int, most_exact: int = MOST_EXACT
) -> dict[str, Any]:
    """Counts, and under `blocks` how well the order agrees with the exact tree's where a tree was built in blocks.

    Args:
        scores: of N images, as `redundancy_scores` gives them.
        points: (N, D) float32 that they came from.
        method, seed, most_exact: as they were there.
    """
    ranked = scores["merge_height"].to_numpy() >= 0  # no copies
    group = scores["group"].to_numpy()
    size = np.bincount(group[ranked])
    found: dict[str, Any] = {"images": len(scores), "groups": len(set(group)), "copies": int((~ranked).sum())}
    if method != "herding" and size.max() > most_exact:
        largest = points[ranked & (group == size.argmax())]
        found["blocks"] = block_agreement(largest, linkage=method, seed=seed).figures()
    return found
