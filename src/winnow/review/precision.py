"""How many of a group's proposals are right, after a person has looked at some of them."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

_PARTS = 4
_ENOUGH = 0.1  # width of the interval, from which on more verdicts hardly say more


@dataclass(frozen=True)
class Precision:
    """Of the proposals of a group.

    Attributes:
        judged: how many have a verdict.
        agreed: how many of these agree.
        mean: expected share of right proposals in the whole group, in [0, 1].
        low, high: 95 % interval of that share.
        enough: whether the interval is narrower than 0.1.
    """

    judged: int
    agreed: int
    mean: float
    low: float
    high: float
    enough: bool


def precision(agrees: np.ndarray) -> Precision:
    """Estimate the share of right proposals of a group.

    Whoever looks at the most certain proposals first would find more of them right than there are. So the group is cut
    into four parts by certainty, each with a share of its own: Beta with Jeffreys' prior (Brown, Cai and DasGupta
    2001). A part that nobody looked at stays as wide as the prior, and the interval of the whole with it. What was
    judged is known; only the rest is estimated.

    Args:
        agrees: (N,) float64 in the order of certainty, the most certain first: 1 where a person agreed, 0 where not,
            NaN where nobody looked.

    Raises:
        ValueError: if there is no proposal.
    """
    if not len(agrees):
        raise ValueError("a group has at least one proposal")
    mean, variance = 0.0, 0.0
    for part in np.array_split(agrees, min(_PARTS, len(agrees))):
        seen = part[~np.isnan(part)]
        right, wrong = float(seen.sum()) + 0.5, float(len(seen) - seen.sum()) + 0.5
        rest, total = len(part) - len(seen), right + wrong
        share = right / total
        mean += (float(seen.sum()) + rest * share) / len(agrees)
        # Of a Beta-binomial count of `rest` proposals.
        variance += rest * share * (1 - share) * (total + rest) / (total + 1) / len(agrees) ** 2
    judged = ~np.isnan(agrees)
    low, high = _interval(mean, variance)
    return Precision(int(judged.sum()), int(np.nansum(agrees)), mean, low, high, high - low < _ENOUGH)


def _interval(mean: float, variance: float) -> tuple[float, float]:
    """The middle 95 % of the Beta distribution with this mean and variance."""
    if variance <= 0:
        return mean, mean
    size = max(mean * (1 - mean) / variance - 1, 1e-6)
    low, high = stats.beta.interval(0.95, mean * size, (1 - mean) * size)
    return float(low), float(high)
