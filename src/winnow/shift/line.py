"""Accuracy on the line: is the drop of a model the usual one among many models?

Over models, the accuracy on a new test set is linear in that on an old one, in probits (Miller et al., arXiv
2107.04649).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import linregress, norm

LEAST_MODELS = 5


@dataclass(frozen=True)
class Line:
    """A line through models.

    Attributes:
        slope, intercept: of the accuracy on B over that on A, in probits.
        slope_error: standard error of the slope.
        r2: share of the variance that the line explains.
        spread: standard deviation of the residuals, in accuracy.
        residuals: accuracy on B less the line's, by model; positive is better than usual.
    """

    slope: float
    intercept: float
    slope_error: float
    r2: float
    spread: float
    residuals: Mapping[str, float]

    def expected(self, accuracy_a: float) -> float:
        """The accuracy on B of a usual model with this one on A."""
        return float(norm.cdf(self.slope * _probit(np.array(accuracy_a)) + self.intercept))


def accuracy_line(a: pd.Series, b: pd.Series) -> Line | None:
    """Fit the line.

    Args:
        a, b: accuracy in [0, 1] by model.

    Returns:
        The line through the models that both have; None for fewer than five, or if all have one accuracy.
    """
    both = a.index.intersection(b.index)
    if len(both) < LEAST_MODELS or a[both].nunique() < 2:
        return None
    old, new = a[both].to_numpy(dtype=float), b[both].to_numpy(dtype=float)
    fit = linregress(_probit(old), _probit(new))
    line = norm.cdf(fit.slope * _probit(old) + fit.intercept)
    return Line(
        slope=float(fit.slope),
        intercept=float(fit.intercept),
        slope_error=float(fit.stderr),
        r2=float(fit.rvalue**2),
        spread=float(np.std(new - line, ddof=2)),
        residuals={str(name): float(value) for name, value in zip(both, new - line, strict=True)},
    )


def _probit(accuracy: np.ndarray) -> np.ndarray:
    return np.asarray(norm.ppf(np.clip(accuracy, 1e-4, 1 - 1e-4)))
