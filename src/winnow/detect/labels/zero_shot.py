"""Zero-shot by the class names, which saw no labels."""

import numpy as np

from winnow.detect.labels.sources import Source
from winnow.detect.signals import Evidence


def _pred_probs(evidence: Evidence) -> np.ndarray:
    assert evidence.zero_shot_pred_probs is not None
    return evidence.zero_shot_pred_probs


SOURCE = Source(
    "zero_shot",
    "zero-shot, by the class names",
    needs=("zero_shot_pred_probs",),
    pred_probs=_pred_probs,
    agreement=True,
)
