"""What an image does to a network that is trained on it: HyDRA's extremes go, off unless `curate.points_harmed` is set.

docs/competition.md says what HyDRA is good for: its values rank bad images poorly, so few may go by it.
"""

from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.rules.rule import Context, Outcome, Restoring, Rule, Threshold, Thresholds
from winnow.detect.labels import LABEL_QUALITY
from winnow.detect.valuation.harm import harmful


def _harms(frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
    if "points_harmed" not in frame:  # nothing was valued
        return np.zeros(len(frame), dtype=bool)
    least, most = thresholds["points_harmed"], thresholds["valuation_max_share"]
    return harmful(frame["points_harmed"].to_numpy(), frame["influence"].to_numpy(), least=least, most=most)


def _explains(row: Any, context: Context) -> str:
    return (
        f"training on it raises the loss of {row.points_harmed} reference images more than nearly all others do "
        f"(needed: {context.thresholds['points_harmed']}), most of all that of {row.nearest_reference}"
    )


VALUATION = Rule(
    name="valuation",
    words="harmful images",
    meaning="training on it raises the loss of trusted images",
    thresholds=(
        Threshold("points_harmed", "Reference images harmed", span=lambda: (0, 20)),
        Threshold("valuation_max_share", "Most harmful images"),
    ),
    applies=_harms,
    switch="points_harmed",
    explains=_explains,
    restoring=Restoring(turn=0, best_first=LABEL_QUALITY),
    outcome=Outcome("valuation", "dropped: harmful", light="#882255", dark="#d46a9e"),
)
