"""What the ledger holds on two classes that are taken for one another."""

import numpy as np
import pandas as pd

from winnow.report.noise import NoiseMatrix


def count_pair(
    ledger: pd.DataFrame,
    classes: pd.DataFrame,
    noise: NoiseMatrix,
    pair: tuple[int, int],
    *,
    class_names: list[str],
) -> pd.DataFrame:
    """What the ledger holds on two classes, each against the other.

    Args:
        ledger: of N images.
        classes: a row per class in label order: `originals` and `copies`.
        noise: the noise transition matrix.
        pair: two labels.
        class_names: K names.

    Returns:
        A row per class of the pair: `class`, `relabelled` (came as it and became the other), `suggested` (kept as it
        for training although the other is suggested), `noise` (share of its images that came labelled as the other,
        NaN if unknown), `originals` and `copies` of it in the training set.
    """
    rows = []
    for own, other in (pair, pair[::-1]):
        rows.append(
            {
                "class": class_names[own],
                "relabelled": int(swapped(ledger, own, other).sum()),
                "suggested": int(doubted(ledger, own, other).sum()),
                "noise": float(noise.rates[own, other]),
                "originals": int(classes["originals"].iloc[own]),
                "copies": int(classes["copies"].iloc[own]),
            }
        )
    return pd.DataFrame(rows)


def swapped(ledger: pd.DataFrame, own: int, other: int) -> np.ndarray:
    """(N,) bool: came as one class and became the other."""
    found = (ledger["action"] == "relabel") & (ledger["label"] == own) & (ledger["final_label"] == other)
    return found.to_numpy(dtype=bool)


def training_rows(ledger: pd.DataFrame, label: int) -> np.ndarray:
    """(N,) bool: trained on as this class."""
    return ((ledger["split"] == "train") & (ledger["final_label"] == label)).to_numpy(dtype=bool)


def doubted(ledger: pd.DataFrame, own: int, other: int) -> np.ndarray:
    """(N,) bool: kept for training as one class although the other is suggested."""
    found = (ledger["action"] == "keep") & (ledger["suggested_label"] == other)
    return training_rows(ledger, own) & found.to_numpy(dtype=bool)
