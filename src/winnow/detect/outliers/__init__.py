"""Out-of-distribution scores: how much an image looks like none of the classes.

A detector is a module with a function over arrays and a record; `DETECTORS` lists the records in the order of their
columns. All that run count alike in `score_ood`.
"""

from winnow.detect.outliers import knn, mahalanobis, uncertainty, zero_shot
from winnow.detect.signals import Detector, Score

DETECTORS: list[Detector] = [knn.DETECTOR, mahalanobis.DETECTOR, uncertainty.DETECTOR, zero_shot.DETECTOR]

OOD_SCORE = Score(
    name="ood_score",
    words="out-of-distribution score",
    short="out of distribution",
    meaning="probability of being none of the classes",
    worse="farther out",
    low=0,
    high=1,
    worst_first="most like outliers",
    skewed=True,
)
