"""The questions beside the waterfall: tests with their null, lines, forecasts, slices and plain facts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm, ttest_ind

from winnow.errors import WinnowError
from winnow.shift.forecasts import forecasts, label_shares
from winnow.shift.line import accuracy_line
from winnow.shift.planted import BLURRED, plant
from winnow.shift.predictions import accuracy_of_models, read_predictions
from winnow.shift.questions import accuracy_by_distance, facts_auc, frequency
from winnow.shift.slices import find_slices
from winnow.shift.test_set import TestSet
from winnow.shift.two_samples import benjamini_hochberg, feature_tests, mmd_p_value


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.01, 0.3))
def test_benjamini_and_hochberg_are_scipys(values, level):
    p_value = np.array(values)
    adjusted = false_discovery_control(p_value)
    assume(not np.isclose(adjusted, level, rtol=1e-12, atol=0).any())  # a level hit exactly: the last bit decides
    assert np.array_equal(benjamini_hochberg(p_value, level=level), adjusted <= level)


def test_features_are_tested_as_scipy_does_and_a_permutation_shows_chance():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(800, 60)), rng.normal(size=(600, 60))
    b[:, 0] += 0.5
    a[:, 1] = b[:, 1] = 3.0  # constant
    found = feature_tests(a, b)
    theirs = ttest_ind(a[:, 2:], b[:, 2:], equal_var=False).pvalue
    assert np.allclose(found.p_value[2:], theirs, atol=1e-3)
    assert found.p_value[1] == 1 and found.effect[1] == 0 and abs(found.effect[0] - 0.5) < 0.12
    assert found.significant == (false_discovery_control(found.p_value) <= 0.05).sum() <= 3
    assert found.permuted == 0 and found.permuted_raw <= 8 and np.abs(found.effect).argmax() == 0


def test_mmd_tells_two_distributions_from_one():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 5))
    assert mmd_p_value(a, rng.normal(size=(200, 5)), permutations=99)[1] > 0.05
    assert mmd_p_value(a, rng.normal(size=(200, 5)) + 0.6, permutations=99)[1] == pytest.approx(0.01)
    assert mmd_p_value(a[:1], a[:1])[1] == 1.0


def test_a_line_through_models_gives_the_usual_drop_and_who_is_off_it():
    old = pd.Series(np.linspace(0.7, 0.97, 12), index=[f"m{i}" for i in range(12)])
    new = pd.Series(norm.cdf(0.9 * norm.ppf(old) - 0.3), index=old.index)
    new["m3"] -= 0.05
    line = accuracy_line(old, new)
    assert line.slope == pytest.approx(0.9, abs=0.05) and line.r2 > 0.95
    assert min(line.residuals, key=line.residuals.get) == "m3"
    assert line.expected(0.9) == pytest.approx(norm.cdf(0.9 * norm.ppf(0.9) - 0.3), abs=0.02)
    assert accuracy_line(old[:4], new[:4]) is None


def test_forecasts_are_right_where_only_the_shares_change():
    found = plant("class_shares", rows=2000, train_rows=2000, seed=1)
    told = forecasts(found.a, found.b)
    assert abs(told["bbse"] - found.b.accuracy) < 0.05 < found.a.accuracy - found.b.accuracy
    shares = np.bincount(found.b.labels, minlength=10) / 2000
    assert np.abs(label_shares(found.a, found.b) - shares).sum() < 0.35
    assert set(told) == {"atc", "doc", "bbse"}
    lacking = TestSet.of_seeds(np.zeros(4, int), np.full((1, 4, 2), 0.5, np.float32))
    assert "bbse" not in forecasts(lacking, lacking)


def test_the_blurred_class_is_a_slice():
    found = plant("one_class", rows=1500, train_rows=1500, seed=0)
    frame, of_a, of_b = find_slices(found.a, found.b, slices=20, class_names=[f"c{i}" for i in range(10)], seed=0)
    worst = frame.iloc[0]
    assert worst["name"].startswith(f"mostly c{BLURRED}") and worst["p_value"] < 1e-6
    members = of_b == worst["slice"]
    assert (found.b.labels[members] == BLURRED).mean() > 0.9
    assert len(of_a) == 1500 and frame["cost"].is_monotonic_decreasing


def test_rare_classes_that_drop_are_correlated_and_constant_ones_are_not():
    counts = np.arange(10, 30)
    assert frequency(counts, -counts / 100.0).rho == pytest.approx(-1)
    assert np.isnan(frequency(np.full(5, 3), np.arange(5.0)).rho)
    assert frequency(counts, np.where(counts < 15, np.nan, 0.1)).record()["rho"] is None


def test_accuracy_by_distance_by_hand():
    rows = TestSet(np.zeros(4, int), np.ones((4, 1), np.float32), np.array([1.0, 1.0, 0.0, 1.0]))
    found = accuracy_by_distance(np.array([0.1, 0.2, 0.9, 0.95]), rows, edges=np.array([0.5, 2.0]))
    assert found["rows"].tolist() == [2, 2, 0] and found["accuracy"].tolist()[:2] == [1.0, 0.5]


def test_plain_facts_that_tell_the_sets_apart_are_named():
    rng = np.random.default_rng(0)
    a = pd.DataFrame({"width": rng.normal(64, 5, 80), "bytes": rng.normal(900, 50, 80)})
    b = pd.DataFrame({"width": rng.normal(64, 5, 80), "bytes": rng.normal(1500, 50, 80)})
    auc, best = facts_auc(a, b)
    assert auc > 0.95 and best == "bytes"
    again = pd.DataFrame({"width": rng.normal(64, 5, 80), "bytes": rng.normal(900, 50, 80)})
    assert 0.35 < facts_auc(a, again)[0] < 0.65


def test_predictions_are_read_and_what_is_wrong_with_them_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,cat,dog\ncat,0.9,0.1\ndog,0.2,0.8\n")
    labels, probs, names = read_predictions(path, label_column="label")
    assert labels.tolist() == [0, 1] and probs.shape == (2, 2) and names == ["cat", "dog"]
    with pytest.raises(WinnowError, match="has no column 'class' for the labels"):
        read_predictions(path, label_column="class")
    path.write_text("label,cat,dog\nfox,0.9,0.1\n")
    with pytest.raises(WinnowError, match="the label 'fox' has no column"):
        read_predictions(path, label_column="label")
    path.write_text("label,cat,dog\ncat,0.9,0.9\n")
    with pytest.raises(WinnowError, match="row 1 holds no probabilities that sum to 1"):
        read_predictions(path, label_column="label")
    path.write_text("label,m1,m2\n3,3,1\n4,4,4\n")
    assert accuracy_of_models(path, label_column="label").to_dict() == {"m1": 1.0, "m2": 0.5}


@pytest.mark.parametrize(
    ("columns", "labels", "places"),
    [
        ("cat,dog,cow", "dog,cow", [1, 2]),
        ("cat,dog,cow", "0,2", [0, 2]),
        ("1,2,3", "0,1,2", [0, 1, 2]),
        ("1,2,3", "1,2,3", [0, 1, 2]),
        ("0,1,2", "0,2", [0, 2]),
        ("2,0,1", "0,1,2", [1, 2, 0]),  # in another order these are names
        ("0,1,other", "1,0", [1, 0]),
        ("NA,null,1.0", "NA,null,1.0", [0, 1, 2]),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_labels_are_all_names_or_all_positions(tmp_path, columns, labels, places, suffix):
    path = predictions(tmp_path / f"p{suffix}", columns.split(","), labels.split(","))
    assert read_predictions(path, label_column="label")[0].tolist() == places


@pytest.mark.parametrize(
    ("columns", "labels", "words"),
    [
        ("1,2,3", "1,2", "the label '1' is the name of one column and the position of another"),
        ("cat,dog,cow", "cat,1", "'1' is the name of no column and 'cat' no position of one; write all"),
        ("1,2,3", "0,3", "'0' is the name of no column and '3' no position"),
        ("cat,dog,cow", "cat,3", "the label '3' has no column of probabilities"),
        ("cat,dog,cow", ",cat", "row 1, column 'label' is empty"),
    ],
)
def test_labels_that_may_be_read_in_two_ways_are_refused(tmp_path, columns, labels, words):
    path = predictions(tmp_path / "p.csv", columns.split(","), labels.split(","))
    with pytest.raises(WinnowError, match=words):
        read_predictions(path, label_column="label")


def predictions(path, columns, labels):
    """A table of these labels, each row sure of the first column."""
    frame = pd.DataFrame(np.eye(len(columns))[np.zeros(len(labels), int)], columns=columns).assign(label=labels)
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_model_with_a_missing_answer_is_refused(tmp_path, suffix):
    """As a number, the column would be 1.0, nan, 2.0, and the labels 1, 1, 2."""
    path, frame = tmp_path / f"m{suffix}", pd.DataFrame({"label": [1, 1, 2], "m1": [1, 1, 2], "m2": [1, None, 2]})
    write = frame.to_csv if suffix == ".csv" else frame.to_parquet
    write(path, index=False)
    if suffix == ".csv":
        path.write_text("label,m1,m2\n1,1,1\n1,1,\n2,2,2\n")
    with pytest.raises(WinnowError, match="row 2, column 'm2' is empty; fill it in or leave the row out"):
        accuracy_of_models(path, label_column="label")


def test_a_row_without_label_and_answer_is_refused_and_no_hit(tmp_path):
    (tmp_path / "m.csv").write_text("label,m1\n1,1\n,\n")
    with pytest.raises(WinnowError, match="row 2, column 'label' is empty"):
        accuracy_of_models(tmp_path / "m.csv", label_column="label")


def test_a_class_called_na_is_a_class(tmp_path):
    (tmp_path / "m.csv").write_text("label,m1,m2\nNA,NA,null\n1,01,1\n")
    assert accuracy_of_models(tmp_path / "m.csv", label_column="label").to_dict() == {"m1": 0.5, "m2": 0.5}


def test_a_model_whose_answers_are_written_otherwise_than_the_labels_is_refused(tmp_path):
    (tmp_path / "m.csv").write_text("label,m1,m2\n1,1,1.0\n2,1,2.0\n")
    with pytest.raises(WinnowError, match=r"the model 'm2' answers '1\.0' and the like, and the labels are '1'"):
        accuracy_of_models(tmp_path / "m.csv", label_column="label")
