"""How far balanced accuracy moves when nothing but the seed of training changes.

Two things make networks of different seeds differ on the same images. Each image flips by itself between right and
wrong: that averages out over images, and comparing image by image measures it already. What is left moves all images
together: a run that came out better or worse as a whole. Jordan (2024, "On the Variance of Neural Network Training with
respect to Test Sets and Distributions", arXiv 2304.01910) found the first part to be nearly everything in long
trainings on clean data. Short trainings on little, noisy data have more of the second, and one seed cannot show it.
That part is estimated here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

# The prior belief about the second part, and how many degrees of freedom of evidence it is worth: docs/experiments.md
# says what it rests on.
DEFAULT_STD = 0.01
DEFAULT_DF = 4


@dataclass(frozen=True)
class SeedSpread:
    """The spread of balanced accuracy between seeds that single images' flips do not explain.

    Attributes:
        std: standard deviation of a run of one seed, in [0, 1].
        df: degrees of freedom that it rests on; the default counts as 4.
        measured_df: those that come from runs with several seeds; 0 means that `std` is the default.
    """

    std: float
    df: int
    measured_df: int


def seed_spread(runs: Iterable[tuple[np.ndarray, np.ndarray]]) -> SeedSpread:
    """Estimate the spread from runs with several seeds, and from the default.

    The variances are pooled, weighted by degrees of freedom, with the default as one of them (a moderated variance,
    Smyth 2004, doi 10.2202/1544-6115.1027): with two or three seeds a variance alone is nearly worthless. Only where
    the runs spread more than the default does their own variance stand alone: the default must not talk it down.

    Args:
        runs: of each run, `correct` (S, N) bool and `labels` (N,) integers; runs of one seed tell nothing.
    """
    total, measured_df = 0.0, 0
    for correct, labels in runs:
        df = len(correct) - 1
        if df > 0:
            scores = correct @ image_weights(labels)  # (S,)
            total += df * (scores.var(ddof=1) - flip_variance(correct, labels))
            measured_df += df
    if measured_df and total / measured_df > DEFAULT_STD**2:
        return SeedSpread(std=float(np.sqrt(total / measured_df)), df=measured_df, measured_df=measured_df)
    df = DEFAULT_DF + measured_df
    pooled = max(DEFAULT_DF * DEFAULT_STD**2 + total, 0.0) / df
    return SeedSpread(std=float(np.sqrt(pooled)), df=df, measured_df=measured_df)


def flip_variance(correct: np.ndarray, labels: np.ndarray) -> float:
    """The variance of one seed's balanced accuracy that comes of images flipping one by one.

    Args:
        correct: (S, N) bool, S at least 2.
        labels: (N,) integers.
    """
    return float((image_weights(labels) ** 2) @ correct.var(axis=0, ddof=1))


def image_weights(labels: np.ndarray) -> np.ndarray:
    """(N,) float64 summing to 1: what each image counts in balanced accuracy."""
    classes, index, count = np.unique(labels, return_inverse=True, return_counts=True)
    return 1 / (len(classes) * count[index])
