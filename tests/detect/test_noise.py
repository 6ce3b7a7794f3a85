"""How much noise there is, estimated thrice, and the cut that needs no truth."""

import numpy as np
import pandas as pd
import pytest

from detector_data import pairwise, through, uniform, unit
from winnow.detect.labels.label_issues import LabelScores
from winnow.detect.labels.noise import (
    consistency_noise_rates,
    expected_f1_cut,
)
from winnow.detect.labels.noise_report import noise_estimates, transition_table
from winnow.detect.labels.vote import neighbourhood

MIXED = np.array([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.25, 0.05, 0.7]])


@pytest.mark.parametrize("rates", [MIXED, pairwise(4, 0.3), uniform(3, 0.4), np.eye(3)])
def test_neighbours_that_agree_give_the_rates_without_a_classifier(rates):
    rng = np.random.default_rng(1)
    share = np.arange(len(rates)) + 2.0
    share /= share.sum()
    true = rng.choice(len(rates), 6000, p=share)
    labels = through(rates, true, rng)
    features = unit(4 * np.eye(8)[true] + 0.3 * rng.normal(size=(len(true), 8)))
    nearest = neighbourhood(features, neighbours=5).first(2)
    assert (true[nearest] == true[:, None]).all()
    found, found_share = consistency_noise_rates(labels, nearest)
    assert found == pytest.approx(rates, abs=0.05)
    assert found_share == pytest.approx(share, abs=0.07)
    again, _ = consistency_noise_rates(labels, nearest)
    assert found.tobytes() == again.tobytes()


def test_the_cut_of_highest_expected_f1_by_hand():
    # Calling 1, 2, 3 or 4 images faulty: 1.8 / 2.8, 3.4 / 3.8, 3.6 / 4.8, 3.6 / 5.8.
    cut, f1 = expected_f1_cut(np.array([0.1, 0.9, 0.0, 0.8]))
    assert (cut, f1) == pytest.approx((0.8, 3.4 / 3.8))


@pytest.mark.parametrize("seed", range(5))
def test_the_cut_of_highest_expected_f1_against_brute_force(seed):
    p = np.random.default_rng(seed).beta(0.3, 1, 40).round(1 + seed % 2)
    expected = {cut: 2 * p[p >= cut].sum() / ((p >= cut).sum() + p.sum()) for cut in np.unique(p)}
    cut, f1 = expected_f1_cut(p)
    assert f1 == pytest.approx(max(expected.values())) == pytest.approx(expected[cut])


def test_nothing_is_cut_where_nothing_is_faulty():
    assert expected_f1_cut(np.zeros(5)) == expected_f1_cut(np.array([])) == (np.inf, 0.0)


def test_the_share_of_noise_is_estimated_three_times():
    rng = np.random.default_rng(0)
    true = np.repeat(np.arange(3), 1000)
    rates = pairwise(3, 0.2)
    labels = through(rates, true, rng)
    class_probs = np.eye(3)[true]
    nearest = np.stack([np.roll(np.arange(3000).reshape(3, -1), by, axis=1).ravel() for by in (1, 2)], axis=1)
    scores = LabelScores(
        frame=pd.DataFrame({"label_quality_score": (labels == true).astype(float)}),
        class_probs=class_probs,
        noise_rates=rates,
        nearest=nearest,
        source_weights={},
        temperature=1.0,
        cut=0.5,
        expected_f1=1.0,
    )
    estimates = noise_estimates(labels, scores)
    assert list(estimates) == ["disagreement", "confident_joint", "consistency"]
    assert estimates["disagreement"] == estimates["confident_joint"] == pytest.approx((labels != true).mean())
    assert estimates["consistency"] == pytest.approx(0.2, abs=0.03)


def test_the_estimate_that_takes_days_for_many_classes_is_left_out():
    count = 101
    scores = LabelScores(
        frame=pd.DataFrame({"label_quality_score": np.ones(count)}),
        class_probs=np.eye(count),
        noise_rates=np.eye(count),
        nearest=np.zeros((count, 2), np.int64),
        source_weights={},
        temperature=1.0,
        cut=0.5,
        expected_f1=1.0,
    )
    found = noise_estimates(np.arange(count), scores)
    assert found == {"disagreement": 0.0, "confident_joint": 0.0, "consistency": None}


def test_the_transition_table_names_both_classes():
    table = transition_table(np.array([[0.9, 0.1], [0.2, 0.8]]), ["cat", "dog"])
    assert table.to_numpy().tolist() == [
        ["cat", "cat", 0.9],
        ["cat", "dog", 0.1],
        ["dog", "cat", 0.2],
        ["dog", "dog", 0.8],
    ]
    assert table.columns.tolist() == ["true", "given", "probability"]
