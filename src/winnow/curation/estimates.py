"""How many labels are wrong, as the probabilities of the ledger say, before and after the cleaning."""

import numpy as np
import pandas as pd


def wrong_label_probability(ledger: pd.DataFrame) -> np.ndarray:
    """The probability that an image's given label is wrong, an image of no class included.

    Args:
        ledger: `label_quality_score`, the probability of the given label.

    Returns:
        (N,) float64 in [0, 1], higher is worse; its sum is the expected number of wrong labels.
    """
    probability: np.ndarray = 1 - ledger["label_quality_score"].to_numpy(dtype=np.float64)
    return probability


def wrong_labels_left(ledger: pd.DataFrame) -> np.ndarray:
    """The same of the labels that images end with, for those that are not dropped.

    Args:
        ledger: `action`, `label_quality_score`, `suggested_label`, `suggested_confidence` (the probability of the
            suggested label), `final_label` and `decided_by`.

    Returns:
        (M,) float64 in [0, 1] of the M images that stay. A label that a person gave or confirmed counts as right, one
        that a rule changed has the probability of the suggestion.
    """
    left = ledger[ledger["action"] != "drop"]
    relabelled = (left["action"] == "relabel").to_numpy()
    wrong = np.where(
        relabelled, 1 - left["suggested_confidence"].to_numpy(dtype=np.float64), wrong_label_probability(left)
    )
    seen: np.ndarray = np.where((left["decided_by"] != "rule").to_numpy(), 0.0, wrong)
    return seen
