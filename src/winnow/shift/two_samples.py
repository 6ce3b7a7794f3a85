"""Do two sets differ at all, and in which features? Tests with what a permutation of the rows would give."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class FeatureTests:
    """A test a feature.

    Attributes:
        p_value: (D,) float64 of Welch's test that the means are equal; 1 for a constant feature.
        effect: (D,) float64 Cohen's d, mean of B less that of A over the pooled deviation; |d| under 0.2 is small.
        raw: how many have p under the level.
        significant: how many remain after Benjamini and Hochberg's correction.
        permuted_raw, permuted: likewise where rows were dealt to the sets at random, the median over the permutations:
            what chance alone gives.
    """

    p_value: np.ndarray
    effect: np.ndarray
    raw: int
    significant: int
    permuted_raw: int
    permuted: int

    def record(self) -> dict[str, int | float]:
        """For JSON."""
        return {
            "features": len(self.p_value),
            "p_below_level": self.raw,
            "significant": self.significant,
            "p_below_level_permuted": self.permuted_raw,
            "significant_permuted": self.permuted,
            "largest_effect": float(np.abs(self.effect).max(initial=0.0)),
            "effects_above_0.2": int((np.abs(self.effect) > 0.2).sum()),
        }


def feature_tests(
    a: np.ndarray, b: np.ndarray, *, level: float = 0.05, permutations: int = 20, seed: int = 0
) -> FeatureTests:
    """Test every feature for a difference of the means.

    Args:
        a, b: (N, D) and (M, D) floats, two rows each at least.
        level: of the tests, and the false discovery rate of the correction.
        permutations: of the rows.
        seed: of these.

    Source: Benjamini and Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x.
    """
    rows = np.concatenate([a, b]).astype(np.float64)
    p_value, effect = _welch(rows[: len(a)], rows[len(a) :])
    rng = np.random.default_rng(seed)
    dealt = []
    for _ in range(permutations):
        order = rng.permutation(len(rows))
        p, _ = _welch(rows[order[: len(a)]], rows[order[len(a) :]])
        dealt.append(((p < level).sum(), benjamini_hochberg(p, level=level).sum()))
    permuted = np.median(dealt, axis=0) if dealt else (0, 0)
    return FeatureTests(
        p_value,
        effect,
        raw=int((p_value < level).sum()),
        significant=int(benjamini_hochberg(p_value, level=level).sum()),
        permuted_raw=int(permuted[0]),
        permuted=int(permuted[1]),
    )


def benjamini_hochberg(p_value: np.ndarray, *, level: float) -> np.ndarray:
    """(D,) bool: the tests that are significant at a false discovery rate of `level`."""
    order = np.argsort(p_value, kind="stable")
    below = np.flatnonzero(p_value[order] <= level * np.arange(1, len(order) + 1) / max(len(order), 1))
    significant = np.zeros(len(order), dtype=bool)
    if len(below):
        significant[order[: below[-1] + 1]] = True
    return significant


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p-values, by the normal distribution that t has for so many rows, and Cohen's d."""
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    var_a, var_b = a.var(axis=0, ddof=1), b.var(axis=0, ddof=1)
    error = np.sqrt(var_a / len(a) + var_b / len(b))
    pooled = np.sqrt(((len(a) - 1) * var_a + (len(b) - 1) * var_b) / (len(a) + len(b) - 2))
    constant = error <= 1e-12
    p_value = np.where(constant, 1.0, 2 * norm.sf(np.abs(mean_b - mean_a) / np.where(constant, 1.0, error)))
    return p_value, np.where(constant, 0.0, (mean_b - mean_a) / np.where(constant, 1.0, np.maximum(pooled, 1e-12)))


def mmd_p_value(
    a: np.ndarray, b: np.ndarray, *, most_rows: int = 500, permutations: int = 200, seed: int = 0
) -> tuple[float, float]:
    """Maximum mean discrepancy with a Gaussian kernel as wide as the median distance, and its permutation p-value.

    Args:
        a, b: (N, D) and (M, D) floats.
        most_rows: of each set, drawn at random.
        permutations: of the rows.
        seed: of both.

    Returns:
        The squared discrepancy (unbiased, about 0 for one distribution) and p in (0, 1].

    Source: Gretton et al., JMLR 13 (2012).
    """
    rng = np.random.default_rng(seed)
    drawn = [rows[rng.permutation(len(rows))[:most_rows]].astype(np.float64) for rows in (a, b)]
    rows = np.concatenate(drawn)
    square = (rows**2).sum(axis=1)
    distance = np.maximum(square[:, None] + square - 2 * rows @ rows.T, 0)
    kernel = np.exp(-distance / max(float(np.median(distance[distance > 0])), 1e-12)) if distance.any() else distance
    np.fill_diagonal(kernel, 0)
    n, m = len(drawn[0]), len(drawn[1])
    if min(n, m) < 2:
        return 0.0, 1.0
    signs = np.zeros((permutations + 1, n + m))
    for row in range(permutations + 1):
        first = np.arange(n) if row == 0 else rng.permutation(n + m)[:n]
        signs[row, first] = 1
    with_a, with_b = signs @ kernel, (1 - signs) @ kernel
    within_a, within_b = (with_a * signs).sum(axis=1), (with_b * (1 - signs)).sum(axis=1)
    between = (with_a * (1 - signs)).sum(axis=1)
    found = within_a / (n * (n - 1)) + within_b / (m * (m - 1)) - 2 * between / (n * m)
    return float(found[0]), float((found >= found[0] - 1e-15).mean())
