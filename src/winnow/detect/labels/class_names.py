"""Whether class names and labels mean the same: zero-shot knows the names, the labels know the images."""

import numpy as np

# A zero-shot probability that counts as being sure, and how many sure images of a class make evidence.
_SURE = 0.8
_LEAST_EVIDENCE = 10


def swapped_classes(pred_probs: np.ndarray, zero_shot_pred_probs: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of classes whose names look exchanged: zero-shot calls more images of each by the other's name than by any.

    Args:
        pred_probs: (N, K) of the labels in the data.
        zero_shot_pred_probs: (N, K) of the class names.

    Returns:
        Pairs (a, b), a < b.
    """
    table = _table(pred_probs.argmax(axis=1), zero_shot_pred_probs.argmax(axis=1), pred_probs.shape[1])
    called = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), np.arange(len(table)))
    return [(a, int(b)) for a, b in enumerate(called) if a < b and called[b] == a]


def flipped_majorities(labels: np.ndarray, zero_shot_pred_probs: np.ndarray) -> list[tuple[int, int, float]]:
    """Classes whose images seem to carry another class's label more often than their own.

    All that learns from labels inverts for such a class; only zero-shot or a person can tell. Swapped names look the
    same from one side: see `swapped_classes`.

    Args:
        labels: (N,) int in [0, K), as given.
        zero_shot_pred_probs: (N, K); images of which it is at least 80 % sure count.

    Returns:
        (class, most frequent label of its images, share of them that carry it) for each class, of at least ten sure
        images, that has another's label more often than its own.
    """
    sure = zero_shot_pred_probs.max(axis=1) >= _SURE
    num_classes = zero_shot_pred_probs.shape[1]
    table = _table(zero_shot_pred_probs[sure].argmax(axis=1), np.asarray(labels)[sure], num_classes)
    total = table.sum(axis=1)
    return [
        (a, int(b), float(table[a, b] / total[a]))
        for a, b in enumerate(table.argmax(axis=1))
        if table[a, b] > table[a, a] and total[a] >= _LEAST_EVIDENCE
    ]


def _table(rows: np.ndarray, columns: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(rows * count + columns, minlength=count**2).reshape(count, count)
