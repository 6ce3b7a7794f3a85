"""The difference in balanced accuracy between two runs on the same images, and how sure one can be of it."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from winnow.compare.seed_spread import SeedSpread, flip_variance, image_weights

_POWER = 0.8
MOST_SEEDS = 50


@dataclass(frozen=True)
class Difference:
    """The second run minus the first.

    Attributes:
        value: in [-1, 1]; above 0 the second is better.
        low, high: the interval at `level`, over images and seeds.
        level: its coverage, for example 0.95.
        seeds_needed: seeds per run with which a difference of this size would be told from chance four times in five;
            `MOST_SEEDS` + 1 means more than that; None if no number of seeds would do on these images, or if there is
            no difference.
        images_needed: about how many test images would do with as many seeds as one likes; None if there is no
            difference, or if one seed each does not say what more images would change.
    """

    value: float
    low: float
    high: float
    level: float
    seeds_needed: int | None
    images_needed: int | None

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `cannot tell`."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "cannot tell"


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    *,
    spread: SeedSpread,
    level: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> Difference:
    """Compare two runs image by image.

    The interval is a bootstrap over both things that chance decides. Images: drawn with replacement within each
    class, one fewer than there are, which makes the variance right in small classes (the rescaled bootstrap of Rao &
    Wu 1988, doi 10.1080/01621459.1988.10478591); classes of one image, which have no spread of their own, are drawn
    from together (one such class alone is taken as it is). Seeds: a handful cannot be drawn from, so the shift of a
    whole run is drawn from Student's t with the spread and degrees of freedom of `spread`. The flips of single images
    between seeds are in the first part already.

    Args:
        first: (S, N) bool, which seed got which image right.
        second: (T, N) bool; its seeds are other seeds, not partners of the first's: the same number starts from the
            same weights, but on other data that is forgotten after a few steps.
        labels: (N,) integers, the true classes.
        spread: of runs like these, as `seed_spread` estimates it.
        level: the interval's coverage.
        draws: of the bootstrap.
        seed: of the bootstrap.
    """
    per_image = second.mean(axis=0) - first.mean(axis=0)  # (N,)
    value = float(image_weights(labels) @ per_image)
    rng = np.random.default_rng(seed)
    shift = spread.std * np.sqrt(1 / len(first) + 1 / len(second))
    strata, shares = _strata(labels)
    drawn = bootstrap_means(per_image, strata, draws=draws, rng=rng) @ shares
    drawn += shift * rng.standard_t(spread.df, draws)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    seeds, images = _needed(first, second, labels, abs(value), spread, level)
    return Difference(value, float(low), float(high), level, seeds, images)


def _strata(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) stratum of each image, its class, or -1 for all classes of one image; and the strata's (S,) shares of
    balanced accuracy, in the order of `np.unique`."""
    classes, position, count = np.unique(labels, return_inverse=True, return_counts=True)
    strata = np.where(count[position] == 1, -1, position)
    names, images = np.unique(strata, return_counts=True)
    return strata, np.where(names == -1, images, 1) / len(classes)


def class_differences(
    first: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    *,
    level: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(C,) difference in recall, low and high of each class of `np.unique(labels)`; over images, not over seeds."""
    per_image = second.mean(axis=0) - first.mean(axis=0)
    drawn = bootstrap_means(per_image, labels, draws=draws, rng=np.random.default_rng(seed))
    value = np.array([per_image[labels == label].mean() for label in np.unique(labels)])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return value, low, high


def bootstrap_means(per_image: np.ndarray, labels: np.ndarray, *, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, C) resampled means of `per_image` (N,) within each class of `labels`.

    The values are few (right or wrong, averaged over a few seeds), so counts of values are drawn, not images.
    """
    means = []
    for label in np.unique(labels):
        values, counts = np.unique(per_image[labels == label], return_counts=True)
        size = max(counts.sum() - 1, 1)
        means.append(rng.multinomial(size, counts / counts.sum(), size=draws) @ values / size)
    return np.stack(means, axis=1)


def mcnemar(first: np.ndarray, second: np.ndarray) -> tuple[int, int, float]:
    """McNemar's exact test (1947, doi 10.1007/BF02295996) on two networks' answers to the same images.

    It asks whether these two networks differ, not whether the data that they were trained on do.

    Args:
        first: (N,) bool, what the first got right.
        second: (N,) bool.

    Returns:
        How many images only the first got right, how many only the second, and the two-sided p value.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 0, 0, 1.0
    return only_first, only_second, float(stats.binomtest(only_first, only_first + only_second).pvalue)


def _needed(
    first: np.ndarray, second: np.ndarray, labels: np.ndarray, size: float, spread: SeedSpread, level: float
) -> tuple[int | None, int | None]:
    """(seeds, images), as `Difference` says them."""
    if size == 0:
        return None, None
    per_image = second.mean(axis=0) - first.mean(axis=0)
    weights = image_weights(labels)
    image_variance = 0.0
    strata, _ = _strata(labels)
    for stratum in np.unique(strata):
        own = strata == stratum
        image_variance += weights[own].sum() ** 2 * per_image[own].var(ddof=1 if own.sum() > 1 else 0) / own.sum()
    flips = [flip_variance(run, labels) for run in (first, second) if len(run) > 1]
    if flips:
        own = sum(
            (flip_variance(run, labels) if len(run) > 1 else np.mean(flips)) / len(run) for run in (first, second)
        )
        per_seed = 2 * float(np.mean(flips))
        fixed = max(image_variance - own, 0.0)  # what more seeds do not change
    else:  # one seed each: how the images differ looks like flips, so this is the least that is needed
        per_seed, fixed = image_variance, 0.0
    seeds = np.arange(1, MOST_SEEDS + 1)
    spread_of = np.sqrt(fixed + (per_seed + 2 * spread.std**2) / seeds)
    df = spread.df + 2 * (seeds - 1)
    enough = size >= (stats.t.ppf((1 + level) / 2, df) + stats.norm.ppf(_POWER)) * spread_of
    quantiles = stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(_POWER)
    images = int(np.ceil(len(labels) * fixed * (quantiles / size) ** 2)) if fixed > 0 else None
    if enough.any():
        return int(seeds[enough.argmax()]), images
    return (None if size <= quantiles * np.sqrt(fixed) else MOST_SEEDS + 1), images
