"""How far a share that was counted may lie from the true one."""

from scipy.stats import binomtest


def share_interval(share: float, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval (1927, doi 10.1080/01621459.1927.10502953) of a share of independent trials.

    Args:
        share: in [0, 1]; with `count` it is rounded to a whole number of successes, as a mean over networks needs.
        count: of trials, at least 1.
        level: the interval's coverage, in (0, 1).

    Returns:
        Low and high, in [0, 1].

    Raises:
        ValueError: if there are no trials.
    """
    interval = binomtest(round(share * count), count).proportion_ci(confidence_level=level, method="wilson")
    return float(interval.low), float(interval.high)
