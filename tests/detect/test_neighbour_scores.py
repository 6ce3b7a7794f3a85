"""What the nearest neighbours say of a label, worked out by hand."""

import numpy as np
import pandas as pd

from winnow.detect.labels.neighbour_scores import neighbour_scores
from winnow.detect.labels.vote import neighbourhood


def scored(features: np.ndarray, labels: np.ndarray, *, groups: np.ndarray, neighbours: int) -> pd.DataFrame:
    around = neighbourhood(features, neighbours=neighbours, groups=groups)
    return neighbour_scores(around, labels, groups=groups, neighbours=neighbours)


def on_a_circle(*degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_neighbours_vote_and_one_dissent_lowers_the_agreement():
    features = on_a_circle(0, 1, 2, 3, 90, 91, 92)
    labels = np.array([0, 0, 0, 1, 1, 1, 1])  # the fourth has the label of the far cluster
    found = scored(features, labels, groups=np.arange(7), neighbours=3)
    assert found["neighbour_label"].tolist()[3] == 0 and found["neighbour_agreement"][3] == 1.0
    assert found["neighbour_label"].tolist()[0] == 0
    np.testing.assert_allclose(found["neighbour_agreement"][0], 2 / 3)


def test_copies_do_not_vote_for_each_other():
    features = on_a_circle(0, 0, 0, 1, 2, 3)
    labels = np.array([1, 1, 1, 0, 0, 0])
    found = scored(features, labels, groups=np.array([0, 0, 0, 1, 2, 3]), neighbours=2)
    assert found["neighbour_label"].tolist()[:3] == [0, 0, 0]
    assert (found["neighbour_agreement"][:3] == 1).all()
    assert np.isinf(found["neighbour_distance"][:3]).all()  # nobody else has their label


def test_the_distance_is_to_the_nearest_of_the_same_label_in_medians_of_the_class():
    degrees = (0, 10, 20, 50)
    found = scored(on_a_circle(*degrees), np.zeros(4, dtype=int), groups=np.arange(4), neighbours=1)
    raw = 1 - np.cos(np.deg2rad([10, 10, 10, 30]))
    np.testing.assert_allclose(found["neighbour_distance"], raw / np.median(raw), rtol=1e-3)


def test_of_many_copies_the_distance_is_to_the_nearest_that_is_none():
    many = 150
    features = on_a_circle(*[0.0] * many, 10, 20)
    groups = np.array([0] * many + [1, 2])
    found = scored(features, np.zeros(many + 2, dtype=int), groups=groups, neighbours=1)
    raw = 1 - np.cos(np.deg2rad([10.0] * many + [10, 10]))
    np.testing.assert_allclose(found["neighbour_distance"], raw / np.median(raw), rtol=1e-3)


def test_where_nobody_similar_votes_there_is_no_neighbours_label():
    opposite = on_a_circle(0, 180)
    found = scored(opposite, np.array([0, 1]), groups=np.arange(2), neighbours=1)
    assert found["neighbour_label"].tolist() == [-1, -1] and found["neighbour_agreement"].tolist() == [0, 0]
