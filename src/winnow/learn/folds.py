"""Folds for cross-validation that keep duplicates together and every class evenly spread."""

import numpy as np

from winnow.errors import WinnowError


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray, *, folds: int, seed: int) -> np.ndarray:
    """Assign every image to a fold: groups stay whole, each class is shared out as evenly as they allow.

    Groups of several images go first, the largest before the smaller, each to the fold that holds the smallest share
    of their classes; single images then level every class out. A class found in two or more single images is
    therefore in the training part of every fold; one that is all in one group is missing from the training part of
    its own fold.

    Args:
        labels: (N,) int in [0, K); images without labels are of one class.
        groups: (N,) int, equal for images that must not be parted.
        folds: number of folds, at least 2.
        seed: which of the equally good assignments.

    Returns:
        (N,) int64 in [0, folds).

    Raises:
        WinnowError: if there are fewer groups than folds.
    """
    labels = np.maximum(np.asarray(labels, dtype=np.int64), 0)
    _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    if len(size) < folds:
        raise WinnowError(
            f"{len(labels)} images in {len(size)} duplicate groups cannot be split into {folds} folds; "
            "add other pictures"
            + (f", or lower crossval.folds and embed.trained.folds to {len(size)}." if len(size) >= 3 else ".")
        )
    rng = np.random.default_rng(seed)
    class_total = np.maximum(np.bincount(labels), 1)
    held = np.zeros((folds, len(class_total)), dtype=np.int64)  # images by fold and class
    fold = np.full(len(labels), -1, dtype=np.int64)

    by_group = np.argsort(group, kind="stable")
    ends = np.cumsum(size)
    several = np.flatnonzero(size > 1)
    several = rng.permutation(several)
    for chosen in several[np.argsort(-size[several], kind="stable")]:
        members = by_group[ends[chosen] - size[chosen] : ends[chosen]]
        classes, count = np.unique(labels[members], return_counts=True)
        fullness = held[:, classes] @ (count / class_total[classes])
        target = np.lexsort((held.sum(axis=1), fullness))[0]
        fold[members] = target
        held[target, classes] += count

    single = rng.permutation(np.flatnonzero(size[group] == 1))
    for label in np.unique(labels[single]):
        members = single[labels[single] == label]
        # Fill like water: every fold offers its next free levels, the lowest levels are taken, small folds first.
        level = held[:, label, None] + np.arange(len(members))  # (folds, n)
        order = np.lexsort((np.repeat(held.sum(axis=1), len(members)), level.ravel()))[: len(members)]
        taken = order // len(members)
        fold[members] = taken
        held[:, label] += np.bincount(taken, minlength=folds)
    return fold
