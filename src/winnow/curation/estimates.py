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


def final_label_probability(decisions: pd.DataFrame) -> np.ndarray:
    """How likely the label is that each image ends with.

    Args:
        decisions: `action`, `final_label`, `label_quality_score`, `suggested_label` and `suggested_confidence` (the
            probability of the suggested label).

    Returns:
        (N,) float64 in [0, 1], NaN where there are no labels. Of an image that a rule relabelled to another class than
        the suggested one, what that one leaves is the most it can be.
    """
    confidence = decisions["suggested_confidence"].to_numpy(dtype=np.float64)
    suggested = (decisions["final_label"] == decisions["suggested_label"]).to_numpy()
    of_new = np.where(suggested, confidence, np.minimum(confidence, 1 - confidence))
    relabelled = (decisions["action"] == "relabel").to_numpy()
    found: np.ndarray = np.where(relabelled, of_new, decisions["label_quality_score"].to_numpy(dtype=np.float64))
    return found


def wrong_labels_left(ledger: pd.DataFrame) -> np.ndarray:
    """The probability that the label is wrong of each image that is not dropped.

    Args:
        ledger: what `final_label_probability` reads, and `decided_by`.

    Returns:
        (M,) float64 in [0, 1] of the M images that stay. A label that a person gave or confirmed counts as right.
    """
    left = ledger[ledger["action"] != "drop"]
    by_person = (left["decided_by"] != "rule").to_numpy()
    wrong: np.ndarray = np.where(by_person, 0.0, 1 - final_label_probability(left))
    return wrong
