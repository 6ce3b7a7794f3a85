"""Schemas: what a writer refuses."""

import numpy as np
import pandas as pd
import pytest

from winnow.errors import WinnowError
from winnow.schema import Array, Arrays, Column, Table

TABLE = Table(
    (
        Column("image_id", "str", "the image"),
        Column("label", "int64", "as given", low=0),
        Column("score", "float64", "lower is worse", low=0, high=1),
        Column("seen", "bool", "or not", optional=True),
        Column("<detector>", "float64", "any"),
        Column("flagged_<finding>", "bool", "any"),
    )
)
ARRAYS = Arrays(
    (
        Array("image_id", "str", "N", "the image"),
        Array("features", "float32", "ND", "any"),
        Array("probabilities", "float32", "NK", "any", low=0, high=1, optional=True),
        Array("rates", "float64", "KK", "any", optional=True),
    )
)


def frame(**changes):
    return pd.DataFrame({"image_id": ["a", "b"], "label": [0, 1], "score": [0.5, np.nan]} | changes)


def arrays(**changes):
    return {"image_id": np.array(["a", "b"]), "features": np.zeros((2, 3), np.float32)} | changes


def test_what_fits_passes_with_and_without_optional_columns():
    TABLE.check(frame(), "scores")
    TABLE.check(frame(seen=[True, False], knn_distance=[3.0, 4.0], flagged_ood=[True, True]), "scores")
    TABLE.check(frame().iloc[:0], "scores")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"labels": ["a", "b"]}, "'labels' is .*, not float64"),
        ({"label": [0.0, 1.0]}, "'label' is float64, not int64"),
        ({"label": [0, -1]}, "'label' holds -1, outside 0 to inf"),
        ({"score": [0.5, 1.5]}, "'score' holds 1.5, outside 0 to 1"),
        ({"flagged_ood": [0.0, 1.0]}, "'flagged_ood' is float64, not bool"),
        ({"image_id": ["b", "a"]}, "not sorted by 'image_id'"),
        ({"image_id": ["a", "a"]}, "holds one twice"),
        ({"image_id": [1, 2]}, "'image_id' is int64, not str"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(changes, words):
    with pytest.raises(WinnowError, match=words):
        TABLE.check(frame(**changes), "scores.parquet")


def test_a_missing_column_is_named():
    with pytest.raises(WinnowError, match=r"^scores.parquet would lack the column 'score'"):
        TABLE.check(frame().drop(columns="score"), "scores.parquet")


def test_a_foreign_column_is_refused_where_no_pattern_fits():
    with pytest.raises(WinnowError, match="would have a column 'labels'"):
        Table((Column("image_id", "str", "the image"),)).check(frame()[["image_id"]].assign(labels=1), "scores.parquet")


def test_a_table_without_a_key_may_stand_in_any_order():
    Table((Column("image_id", "str", "any"),), key=None).check(pd.DataFrame({"image_id": ["b", "a", "a"]}), "list")


def test_arrays_that_fit_pass():
    ARRAYS.check(arrays(), "features.npz")
    ARRAYS.check(arrays(probabilities=np.ones((2, 4), np.float32), rates=np.eye(4)), "features.npz")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"features": np.zeros((2, 3))}, "'features' is float64, not float32"),
        ({"features": np.zeros((3, 3), np.float32)}, r"the shape \(3, 3\), not \(2, D\)"),
        ({"features": np.zeros(2, np.float32)}, r"the shape \(2,\), not \(2, D\)"),
        ({"probabilities": np.full((2, 4), 2, np.float32)}, "reaches from 2 to 2, outside 0 to 1"),
        ({"probabilities": np.ones((2, 4), np.float32), "rates": np.eye(3)}, r"the shape \(3, 3\), not \(4, 4\)"),
        ({"more": np.zeros(2)}, "would have an array 'more'"),
        ({"image_id": np.array(["b", "a"])}, "not sorted by 'image_id'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(WinnowError, match=words):
        ARRAYS.check(arrays(**changes), "features.npz")


def test_a_missing_array_is_named():
    with pytest.raises(WinnowError, match="would lack the array 'features'"):
        ARRAYS.check({"image_id": np.array(["a"])}, "features.npz")
