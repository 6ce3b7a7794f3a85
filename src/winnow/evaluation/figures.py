"""The ten figures by which runs are compared: what `dvc metrics show`, `dvc metrics diff` and `dvc exp show` list."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.estimates import wrong_label_probability, wrong_labels_left

_DECIMALS = 4
_SPLITS = {"val": "validation", "test": "test"}


def summary_figures(
    evaluation: Mapping[str, Any], scorecard: Mapping[str, Any], ledger: pd.DataFrame
) -> dict[str, int | float]:
    """Sum a run up.

    Args:
        evaluation: of `evaluate`: by arm and split, `balanced_accuracy` in [0, 1].
        scorecard: of `scorecard`; empty without a truth file.
        ledger: a row per image.

    Returns:
        Short names, so that they fit a terminal; `_raw` is of the data as it came, the same without it of the cleaned:

        - `val_raw`, `val`, `test_raw`, `test`: balanced accuracy of both arms, higher is better; those of the test set
          only where there is one;
        - `wrong_raw`, `wrong`: the estimated share of wrong labels among all images, and among those not dropped;
        - `right`: the share of right labels among the images in training; only where the truth is known;
        - `keep`, `relabel`, `drop`: images by decision; together all of them.

        Shares are rounded to four decimals.
    """
    found: dict[str, int | float] = {}
    for short, split in _SPLITS.items():
        for name, arm in ((f"{short}_raw", "baseline"), (short, "submission")):
            accuracy = evaluation.get(arm, {}).get(split, {}).get("balanced_accuracy")
            if accuracy is not None:
                found[name] = accuracy
    found["wrong_raw"] = _mean(wrong_label_probability(ledger))
    found["wrong"] = _mean(wrong_labels_left(ledger))
    right = scorecard.get("label_errors.label_accuracy_after")
    if right is not None:
        found["right"] = right
    counts = ledger["action"].value_counts()
    return {name: round(float(value), _DECIMALS) for name, value in found.items()} | {
        action: int(counts.get(action, 0)) for action in ("keep", "relabel", "drop")
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
