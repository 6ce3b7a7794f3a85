"""Predictions of any model: labels and probabilities in a file, and the answers of many models side by side."""

from pathlib import Path

import numpy as np
import pandas as pd

from winnow import tables
from winnow.errors import WinnowError, first_sentence


def read_predictions(path: str | Path, *, label_column: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read what a model says of each row.

    Args:
        path: `.csv` or `.parquet`: the label column, and a column of probabilities a class, named like the class.
        label_column: the column of the true labels, each the name of a class or its position.

    Returns:
        (N,) int64 labels, (N, K) float32 probabilities, the K class names in the order of the columns.

    Raises:
        WinnowError: if the file is missing, has no label column, names a class that has no column, or its
            probabilities are none.
    """
    frame = _table(path)
    if label_column not in frame:
        raise WinnowError(f"{path} has no column {label_column!r} for the labels; set sets.label_column.")
    names = [str(name) for name in frame.columns if name != label_column]
    probs = frame[names].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(probs.sum(axis=1) - 1) < 0.01) | (probs < 0).any(axis=1))
    if len(wrong):
        raise WinnowError(
            f"{path}: row {wrong[0] + 1} holds no probabilities that sum to 1; write the softmax, a column a class."
        )
    places = {name: place for place, name in enumerate(names)} | {
        str(place): place for place in range(len(names)) if str(place) not in names
    }
    texts = frame[label_column].astype(str)
    if unknown := sorted(set(texts) - set(places)):
        raise WinnowError(f"{path}: the label {unknown[0]!r} has no column of probabilities; add one of that name.")
    return texts.map(places).to_numpy(dtype=np.int64), probs.astype(np.float32), names


def accuracy_of_models(path: str | Path, *, label_column: str) -> pd.Series:
    """The accuracy of each of several models.

    Args:
        path: `.csv` or `.parquet`: the label column, and a column of predicted labels a model, named like the model.
        label_column: the column of the true labels.

    Returns:
        float64 in [0, 1] by model.

    Raises:
        WinnowError: if the file is missing or has no label column.
    """
    frame = _table(path)
    if label_column not in frame:
        raise WinnowError(f"{path} has no column {label_column!r} for the labels; set sets.label_column.")
    answers = frame.drop(columns=label_column).astype(str)
    return answers.eq(frame[label_column].astype(str), axis=0).mean()


def _table(path: str | Path) -> pd.DataFrame:
    if not Path(path).is_file():
        raise WinnowError(f"{path} does not exist; name a file of predictions that does.")
    try:
        frame = tables.read_parquet(path) if Path(path).suffix == ".parquet" else pd.read_csv(path)
    except ValueError as error:  # pandas' parser errors are among them
        raise WinnowError(
            f"{path} cannot be read as CSV ({first_sentence(error)}); write it again, in UTF-8."
        ) from None
    if not len(frame):
        raise WinnowError(f"{path} holds no rows; give it some below its header.")
    return frame.drop(columns=[name for name in frame.columns if str(name) in ("", "Unnamed: 0")])
