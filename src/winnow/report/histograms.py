"""Histograms of the scores, with bins that do not depend on the data, so that runs can be laid over one another."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# Both scores are probabilities.
_EDGES = np.linspace(0.0, 1.0, 51)


@dataclass(frozen=True)
class Histogram:
    """How many images have which score.

    Attributes:
        score: the name of the ledger's column.
        edges: (B + 1,) float64, from 0 to 1.
        counts: (B,) int64.
        threshold: the cut.
        beyond: how many images are on the wrong side of it.
        beyond_words: what that side is called.
    """

    score: str
    edges: np.ndarray
    counts: np.ndarray
    threshold: float
    beyond: int
    beyond_words: str

    def table(self) -> pd.DataFrame:
        """For `dvc plots`: `score` (the bin's middle) and `images`."""
        return pd.DataFrame({"score": (self.edges[:-1] + self.edges[1:]) / 2, "images": self.counts})


def histogram(score: str, values: np.ndarray, *, threshold: float) -> Histogram:
    """Count the images in each bin.

    Args:
        score: `label_quality_score` or `ood_score`.
        values: (N,) float64 in [0, 1]; a missing score (NaN) is in no bin.
        threshold: for `label_quality_score` images below it are issues, for `ood_score` those at or above it.
    """
    known = values[~np.isnan(values)]
    counts, _ = np.histogram(known, bins=_EDGES)
    lower_is_worse = score == "label_quality_score"
    beyond = known < threshold if lower_is_worse else known >= threshold
    words = "below the threshold" if lower_is_worse else "at or above the threshold"
    return Histogram(score, _EDGES, counts, threshold, int(beyond.sum()), words)
