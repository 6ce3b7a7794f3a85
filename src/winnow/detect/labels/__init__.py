"""Label issues: how probable each given label is, what a better one would be, and the noise matrix.

A source of evidence is a module with a record; `SOURCES` lists the records in the order of their weights and columns.
"""

from winnow.detect.labels import knn, probe, zero_shot
from winnow.detect.labels.sources import Source
from winnow.detect.signals import Score

SOURCES: list[Source] = [probe.SOURCE, knn.SOURCE, zero_shot.SOURCE]

LABEL_QUALITY = Score(
    name="label_quality_score",
    words="label quality",
    short="quality",
    meaning="probability of the given label",
    lower_is_worse=True,
    low=0,
    high=1,
    worst_first="least likely labels",
)
SUGGESTED_CONFIDENCE = Score(
    name="suggested_confidence",
    short="confidence",
    meaning="probability of the suggested label",
    lower_is_worse=True,
    low=0,
    high=1,
)
