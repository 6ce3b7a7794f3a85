"""Predictions of any model: labels and probabilities in a file, and the answers of many models side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow import tables
from winnow.errors import WinnowError, first_sentence


def read_predictions(path: str | Path, *, label_column: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read what a model says of each row.

    Args:
        path: `.csv` or `.parquet`: the label column, and a column of probabilities a class, named like the class.
        label_column: the column of the true labels: all of them names of classes, or all of them positions of columns,
            from 0. Where the columns are named 0 to K - 1, in any order, these are names.

    Returns:
        (N,) int64 labels, (N, K) float32 probabilities, the K class names in the order of the columns.

    Raises:
        WinnowError: if the file is missing, has no label column, an empty label, a label that is no class, labels that
            are not all names or all positions or that may be either, or its probabilities are none.
    """
    frame = _table(path, label_column, dtype={label_column: str})
    names = [str(name) for name in frame.columns if name != label_column]
    probs = frame[names].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(probs.sum(axis=1) - 1) < 0.01) | (probs < 0).any(axis=1))
    if len(wrong):
        raise WinnowError(
            f"{path}: row {wrong[0] + 1} holds no probabilities that sum to 1; write the softmax, a column a class."
        )
    return _places(_texts(frame[[label_column]], path)[label_column], names, path), probs.astype(np.float32), names


def accuracy_of_models(path: str | Path, *, label_column: str) -> pd.Series:
    """The accuracy of each of several models.

    Args:
        path: `.csv` or `.parquet`: the label column, and a column of predicted labels a model, named like the model.
            Labels are compared as they are written.
        label_column: the column of the true labels.

    Returns:
        float64 in [0, 1] by model.

    Raises:
        WinnowError: if the file is missing, has no label column or an empty cell, or no answer of a model is a label of
            any row.
    """
    frame = _texts(_table(path, label_column, dtype=str), path)
    labels, answers = frame[label_column], frame.drop(columns=label_column)
    for name in answers:
        if not answers[name].isin(labels).any():
            raise WinnowError(
                f"{path}: the model {name!r} answers {answers[name].iloc[0]!r} and the like, and the labels are "
                f"{labels.iloc[0]!r} and the like, never the same; write both alike."
            )
    return answers.eq(labels, axis=0).mean()


def _places(labels: pd.Series, names: list[str], path: str | Path) -> np.ndarray:
    """(N,) int64 positions of the classes that (N,) labels name, or are the positions of."""
    by_name = {name: place for place, name in enumerate(names)}
    by_position = {str(place): place for place in range(len(names))}
    readings = [by_name] if set(by_name) == set(by_position) else [by_name, by_position]
    found = [labels.map(reading).to_numpy(dtype=np.int64) for reading in readings if labels.isin(list(reading)).all()]
    if not found:
        if unknown := sorted(set(labels) - set(by_name) - set(by_position)):
            raise WinnowError(f"{path}: the label {unknown[0]!r} has no column of probabilities; add one of that name.")
        no_name, no_position = (min(set(labels) - set(reading)) for reading in readings)
        raise WinnowError(
            f"{path}: the label {no_name!r} is the name of no column and {no_position!r} no position of one; write all "
            "labels as names, or all as positions."
        )
    if (found[0] != found[-1]).any():
        label = labels[found[0] != found[-1]].iloc[0]
        raise WinnowError(
            f"{path}: the label {label!r} is the name of one column and the position of another (from 0); name the "
            "columns 0, 1 and so on if labels are positions, and otherwise the classes by words."
        )
    return found[0]


def _texts(frame: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """The cells of columns as text."""
    empty = (frame.isna() | (frame == "")).to_numpy()
    if empty.any():
        row, column = np.argwhere(empty)[0]
        raise WinnowError(
            f"{path}: row {row + 1}, column {str(frame.columns[column])!r} is empty; fill it in or leave the row out."
        )
    return frame.astype(str)


def _table(path: str | Path, label_column: str, *, dtype: type[str] | Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a file; of a CSV, cells of columns that are text as they are written, as a class may be called NA."""
    if not Path(path).is_file():
        raise WinnowError(f"{path} does not exist; name a file of predictions that does.")
    try:
        frame = (
            tables.read_parquet(path)
            if Path(path).suffix == ".parquet"
            else pd.read_csv(path, dtype=dtype, keep_default_na=False)
        )
    except ValueError as error:  # pandas' parser errors are among them
        raise WinnowError(
            f"{path} cannot be read as CSV ({first_sentence(error)}); write it again, in UTF-8."
        ) from None
    if not len(frame):
        raise WinnowError(f"{path} holds no rows; give it some below its header.")
    if label_column not in frame:
        raise WinnowError(f"{path} has no column {label_column!r} for the labels; set sets.label_column.")
    return frame.drop(columns=[name for name in frame.columns if str(name) in ("", "Unnamed: 0")])
