"""The noise transition matrix, as it is shown."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.errors import WinnowError


@dataclass(frozen=True)
class NoiseMatrix:
    """What the given labels say of the classes that images truly show.

    Attributes:
        rates: (K, K) float64, P(given label | true class): a row per true class, rows sum to 1, NaN where nothing is
            known of a class.
        source: where it comes from, in words.
    """

    rates: np.ndarray
    source: str

    def largest(self, class_names: list[str], count: int) -> list[tuple[str, str, float]]:
        """The largest mistakes: (true class, given label, rate), the largest first."""
        off = np.where(np.eye(len(self.rates), dtype=bool), np.nan, self.rates)
        order = np.argsort(-np.nan_to_num(off, nan=-1.0), axis=None, kind="stable")[:count]
        rows, columns = np.unravel_index(order, off.shape)
        return [
            (class_names[row], class_names[column], float(off[row, column]))
            for row, column in zip(rows, columns, strict=True)
            if off[row, column] > 0
        ]

    @property
    def right(self) -> np.ndarray:
        """(K,) share of each true class that has its own label."""
        return np.diag(self.rates)


def noise_from_table(table: pd.DataFrame, *, class_names: list[str]) -> NoiseMatrix:
    """The matrix that an earlier stage estimated.

    Args:
        table: `true`, `given` (class names) and `probability` in [0, 1]; pairs that are not listed are 0.
        class_names: K names.

    Raises:
        WinnowError: if a class is unknown or a pair is listed twice.
    """
    index = pd.Index(class_names)
    rows, columns = (index.get_indexer(pd.Index(table[column].astype(str))) for column in ("true", "given"))
    if (rows < 0).any() or (columns < 0).any():
        row = int(np.flatnonzero((rows < 0) | (columns < 0))[0])
        pair = f"{table['true'].iloc[row]!r} and {table['given'].iloc[row]!r}"
        raise WinnowError(
            f"the noise transition table names {pair}, which are not both classes; run 'dvc repro' again."
        )
    if table.duplicated(["true", "given"]).any():
        raise WinnowError("the noise transition table lists a pair of classes twice; run 'dvc repro' again.")
    rates = np.zeros((len(class_names), len(class_names)))
    rates[rows, columns] = table["probability"].to_numpy(dtype=np.float64)
    total = rates.sum(axis=1, keepdims=True)
    rates = np.divide(rates, total, out=np.full_like(rates, np.nan), where=total > 0)
    return NoiseMatrix(rates, "estimated from the scores of all images")
