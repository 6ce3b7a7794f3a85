"""Nearest neighbours, and what they vote."""

import numpy as np
import pytest

from detector_data import unit
from winnow.detect.labels.vote import knn_vote, neighbourhood
from winnow.learn.neighbours import compact, nearest_neighbours

PLANE = np.array([[1, 0], [1, 0], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)
VOTES = np.eye(3)[[0, 1, 2, 0]]


def test_neighbours_by_hand_without_themselves_and_ties_in_order():
    features = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8], [1, 0]], dtype=np.float32)
    similarity, index = nearest_neighbours(features, k=3)
    assert index.tolist() == [[2, 4, 3], [3, 0, 2], [0, 4, 3], [1, 0, 2], [0, 2, 3]]
    assert similarity[3] == pytest.approx([0.8, 0.6, 0.6])
    similarity, index = nearest_neighbours(features, k=9, queries=np.array([[0, 1]], dtype=np.float32))
    assert index.tolist() == [[1, 3, 0, 2, 4]]


def test_an_image_with_many_exact_copies_is_still_not_its_own_neighbour():
    features = np.repeat(unit(np.random.default_rng(0).normal(size=(3, 8))), 30, axis=0)
    similarity, index = nearest_neighbours(features, k=5)
    assert index.shape == (90, 5)
    assert (index != np.arange(90)[:, None]).all()
    assert (index // 30 == np.arange(90)[:, None] // 30).all()
    assert similarity == pytest.approx(1)
    assert nearest_neighbours(features, k=500)[1].shape == (90, 89)


def test_compact_features_keep_their_cosines_where_few_directions_matter():
    rng = np.random.default_rng(0)
    wide = unit(rng.normal(size=(200, 10)) @ rng.normal(size=(10, 400)) + 3 + 0.01 * rng.normal(size=(200, 400)))
    narrow = compact(wide, dimensions=11)
    assert narrow.shape == (200, 11) and narrow.dtype == np.float32
    assert np.linalg.norm(narrow, axis=1) == pytest.approx(1, abs=1e-5)
    assert narrow @ narrow.T == pytest.approx(wide @ wide.T, abs=1e-3)
    assert compact(wide, dimensions=400) is wide


def test_vote_is_weighted_by_similarity_and_duplicates_abstain():
    around = neighbourhood(PLANE, neighbours=2)
    assert knn_vote(VOTES, around, neighbours=2)[0] == pytest.approx([0, 1 / 1.8, 0.8 / 1.8])
    apart = neighbourhood(PLANE, neighbours=2, groups=np.array([7, 7, 8, 9]))
    assert knn_vote(VOTES, apart, neighbours=2)[0] == pytest.approx([0.6 / 1.4, 0, 0.8 / 1.4])
    assert apart.first(2)[0].tolist() == [2, 3]
    alone = neighbourhood(PLANE, neighbours=2, groups=np.zeros(4, int))
    assert knn_vote(VOTES, alone, neighbours=2) == pytest.approx(np.full((4, 3), 1 / 3))


def test_those_that_may_not_vote_make_room_for_the_next():
    around = neighbourhood(PLANE, neighbours=2)
    may_vote = np.array([True, False, True, True])
    assert knn_vote(VOTES, around, neighbours=2, may_vote=may_vote)[0] == pytest.approx([0.6 / 1.4, 0, 0.8 / 1.4])
    nobody = knn_vote(VOTES, around, neighbours=2, may_vote=np.zeros(4, bool))
    assert nobody == pytest.approx(np.full((4, 3), 1 / 3))


def test_unlike_images_have_no_say():
    opposite = np.array([[1, 0], [-1, 0], [0.8, 0.6]], dtype=np.float32)
    assert knn_vote(np.eye(3), neighbourhood(opposite, neighbours=2), neighbours=2)[0].tolist() == [0, 0, 1]


def test_the_first_neighbours_are_filled_up_where_those_with_a_say_run_out():
    around = neighbourhood(PLANE, neighbours=2, groups=np.array([0, 0, 0, 1]))
    assert around.first(2)[0].tolist() == [3, 1]
    assert around.first(2)[3].tolist() == [2, 0]


def test_whichever_fold_is_left_out_nearly_always_as_many_vote():
    rng = np.random.default_rng(0)
    fold = np.arange(300) % 3
    around = neighbourhood(unit(rng.normal(size=(300, 4)) + 3), neighbours=10)
    for left_out in range(3):
        weight = (around.weight > 0) & (fold != left_out)[around.nearest]
        assert (weight.sum(axis=1) >= 10).mean() > 0.9
