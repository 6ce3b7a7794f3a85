"""Histograms of the scores, with bins that do not depend on the data, so that runs can be laid over one another."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.detect.signals import Score
from winnow.report.formatting import counted

_BINS = 50


@dataclass(frozen=True)
class Histogram:
    """How many images have which score.

    Attributes:
        score: the score.
        edges: (B + 1,) float64, from one end of its range to the other.
        counts: (B,) int64.
        threshold: the cut.
        beyond: how many images are on the wrong side of it.
    """

    score: Score
    edges: np.ndarray
    counts: np.ndarray
    threshold: float
    beyond: int

    @property
    def sentence(self) -> str:
        """How many images lie beyond the threshold."""
        words = f"{self.score.beyond_words} of {self.threshold:g}"
        return f"{self.score.title}: {counted(self.beyond, 'image')} {words}"

    def table(self) -> pd.DataFrame:
        """For `dvc plots`: `score` (the bin's middle) and `images`."""
        return pd.DataFrame({"score": (self.edges[:-1] + self.edges[1:]) / 2, "images": self.counts})


def histogram(score: Score, values: np.ndarray, *, threshold: float) -> Histogram:
    """Count the images in each bin.

    Args:
        score: with a range of two ends.
        values: (N,) float64 in that range; a missing score (NaN) is in no bin.
        threshold: images on its bad side are counted as beyond it.
    """
    known = values[~np.isnan(values)]
    counts, edges = np.histogram(known, bins=np.linspace(score.low, score.high, _BINS + 1))
    return Histogram(score, edges, counts, threshold, int(score.beyond(known, threshold).sum()))
