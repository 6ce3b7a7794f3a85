"""Groups of alike rows in which B fails and A does not."""

import faiss
import numpy as np
import pandas as pd
from scipy.stats import norm

from winnow.shift.test_set import TestSet

_LEAST_ROWS = 10
_COLUMNS = {
    "slice": np.int64,
    "name": object,
    "rows_a": np.int64,
    "rows_b": np.int64,
    "accuracy_a": np.float64,
    "accuracy_b": np.float64,
    "cost": np.float64,
    "p_value": np.float64,
}


def no_slices() -> pd.DataFrame:
    """The table of `find_slices` without rows."""
    return pd.DataFrame(columns=list(_COLUMNS)).astype(_COLUMNS)


def find_slices(
    a: TestSet, b: TestSet, *, slices: int, class_names: list[str], seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Cluster the rows of both sets by features and classifier's answer, and rank the clusters by what they cost B.

    Args:
        a, b: sets with features.
        slices: clusters at most.
        class_names: K names.
        seed: of k-means.

    Returns:
        A row per cluster that B has at least ten rows in and is worse in, the most costly first: `slice`, `name` (a
        suggestion: the class most of its rows have, and what they are taken for), `rows_a`, `rows_b`, `accuracy_a` (NaN
        without rows), `accuracy_b`, `cost` (what the slice takes from the accuracy of B, against the accuracy of A in
        it, or against all of A without rows there), `p_value` (two proportions, times the number of clusters); then the
        (N,) and (M,) clusters of the rows of A and B.
    """
    assert a.features is not None and b.features is not None
    rows = np.concatenate([a.features, b.features])
    spread = float(np.sqrt(rows.var(axis=0).sum())) or 1.0
    probs = np.concatenate([a.pred_probs, b.pred_probs])
    joined = np.ascontiguousarray(np.hstack([rows / spread, 0.5 * probs]), dtype=np.float32)
    count = int(min(slices, max(1, len(joined) // 40)))
    kmeans = faiss.Kmeans(joined.shape[1], count, niter=20, seed=seed, min_points_per_centroid=1)
    kmeans.train(joined)
    cluster = kmeans.index.search(joined, 1)[1][:, 0]
    of_a, of_b = cluster[: len(a.labels)], cluster[len(a.labels) :]
    found = []
    for label in range(count):
        in_a, in_b = of_a == label, of_b == label
        if in_b.sum() < _LEAST_ROWS:
            continue
        accuracy_b = float(b.correct[in_b].mean())
        accuracy_a = float(a.correct[in_a].mean()) if in_a.any() else np.nan
        reference = in_a if in_a.sum() >= _LEAST_ROWS else np.ones(len(in_a), bool)
        expected = float(a.correct[reference].mean())
        cost = (expected - accuracy_b) * in_b.mean()
        if cost <= 0:
            continue
        counts = int(reference.sum()), int(in_b.sum())
        pooled = (expected * counts[0] + accuracy_b * counts[1]) / sum(counts)
        error = np.sqrt(max(pooled * (1 - pooled), 1e-9) * (1 / counts[0] + 1 / counts[1]))
        p_value = float(min(1.0, count * 2 * norm.sf(abs(expected - accuracy_b) / error)))
        name = _name(b.labels[in_b], b.pred_probs[in_b], class_names)
        found.append((label, name, int(in_a.sum()), int(in_b.sum()), accuracy_a, accuracy_b, float(cost), p_value))
    frame = pd.DataFrame(found, columns=list(_COLUMNS)).astype(_COLUMNS)
    return frame.sort_values("cost", ascending=False, ignore_index=True), of_a, of_b


def _name(labels: np.ndarray, probs: np.ndarray, class_names: list[str]) -> str:
    """`mostly 4, taken for 1`."""
    label, predicted = int(np.bincount(labels).argmax()), probs.argmax(axis=1)
    one = (labels == label).mean() > 0.5
    wrong = predicted[(predicted != labels) & ((labels == label) | (not one))]
    mostly = f"mostly {class_names[label]}" if one else "several classes"
    return f"{mostly}, taken for {class_names[int(np.bincount(wrong).argmax())]}" if len(wrong) else mostly
