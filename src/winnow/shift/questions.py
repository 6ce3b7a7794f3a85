"""What else one would ask of a drop: is it the class frequencies, overfitting, the plain facts of the files?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from winnow.shift.test_set import TestSet


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation over C classes, with a bootstrap interval over the classes; NaN where undefined."""

    rho: float
    low: float
    high: float
    classes: int

    def record(self) -> dict[str, float | int | None]:
        """For JSON; None where undefined."""
        numbers = {"rho": self.rho, "low": self.low, "high": self.high}
        return {name: None if np.isnan(value) else value for name, value in numbers.items()} | {"classes": self.classes}


def frequency(train_counts: np.ndarray, drop_by_class: np.ndarray, *, seed: int = 0, draws: int = 500) -> Correlation:
    """Do classes that are rare in training drop more?

    Args:
        train_counts: (K,) training rows of each class.
        drop_by_class: (K,) recall on A less recall on B; NaN for a class that a set lacks.
        seed: of the resamples.
        draws: how many.
    """
    known = np.isfinite(drop_by_class)
    counts, drops = train_counts[known], drop_by_class[known]
    if len(counts) < 4 or len(np.unique(counts)) < 2 or len(np.unique(drops)) < 2:
        return Correlation(np.nan, np.nan, np.nan, int(known.sum()))
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        rows = rng.integers(0, len(counts), len(counts))
        if len(np.unique(counts[rows])) > 1 and len(np.unique(drops[rows])) > 1:
            first, second = rankdata(counts[rows]), rankdata(drops[rows])
            found.append(float(np.corrcoef(first, second)[0, 1]))
    low, high = np.quantile(found, [0.025, 0.975])
    return Correlation(float(spearmanr(counts, drops).statistic), float(low), float(high), len(counts))


def accuracy_by_distance(distance: np.ndarray, rows: TestSet, *, edges: np.ndarray) -> pd.DataFrame:
    """Accuracy by how far rows are from the nearest training row.

    Args:
        distance: (N,) of `leaks.nearness`.
        rows: the set.
        edges: (E,) distances that part the bins, the same for both sets.

    Returns:
        A row per bin: `bin` (0 is nearest), `rows`, `accuracy` (NaN without rows).
    """
    place = np.searchsorted(edges, distance, side="right")
    count = np.bincount(place, minlength=len(edges) + 1)
    hits = np.bincount(place, rows.correct, minlength=len(edges) + 1)
    accuracy = np.divide(hits, count, out=np.full(len(count), np.nan), where=count > 0)
    return pd.DataFrame({"bin": np.arange(len(count)), "rows": count, "accuracy": accuracy})


def facts_auc(facts_a: pd.DataFrame, facts_b: pd.DataFrame, *, seed: int = 0) -> tuple[float, str]:
    """How well the plain facts of the files alone tell the sets apart, by a small tree, cross-validated.

    Args:
        facts_a, facts_b: the same columns of numbers, a row per image.
        seed: of the folds.

    Returns:
        AUC in [0, 1], 0.5 where they do not, and the fact that does so best by itself.
    """
    facts = pd.concat([facts_a, facts_b]).to_numpy(dtype=np.float64)
    target = np.repeat([0, 1], [len(facts_a), len(facts_b)])
    if min(len(facts_a), len(facts_b)) < 10:
        return 0.5, ""
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=5, random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found = cross_val_predict(tree, facts, target, cv=folds, method="predict_proba")[:, 1]
    alone = [abs(float(roc_auc_score(target, column)) - 0.5) for column in facts.T]
    return float(roc_auc_score(target, found)), str(facts_a.columns[int(np.argmax(alone))])


def difference_clusters(
    a: np.ndarray, b: np.ndarray, *, seed: int = 0, permutations: int = 20
) -> dict[str, float | int]:
    """Do features fall into clusters by how their mean and variance differ, more than by chance?

    Two numbers a feature, Cohen's d and the logarithm of the ratio of the deviations; the statistic is the largest
    distance from the origin, in units of what a permutation of the rows gives at most.

    Returns:
        `features` beyond what all permutations reach, and `p_value` of the largest distance.
    """

    def reach(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        deviation = [np.maximum(rows.std(axis=0), 1e-9) for rows in (first, second)]
        pooled = np.sqrt((deviation[0] ** 2 + deviation[1] ** 2) / 2)
        effect = (second.mean(axis=0) - first.mean(axis=0)) / pooled
        return np.asarray(np.hypot(effect, np.log(deviation[1] / deviation[0])))

    rows = np.concatenate([a, b]).astype(np.float64)
    found = reach(rows[: len(a)], rows[len(a) :])
    rng = np.random.default_rng(seed)
    dealt = []
    for _ in range(permutations):
        order = rng.permutation(len(rows))
        dealt.append(float(reach(rows[order[: len(a)]], rows[order[len(a) :]]).max()))
    return {
        "features": int((found > max(dealt)).sum()),
        "p_value": float((1 + sum(value >= found.max() for value in dealt)) / (1 + permutations)),
    }
