"""What has a kept image near enough goes for it, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clouds import unit_vectors
from winnow.filtering.cover import best_first, covered_by, find_copies, nearest_copy


def at(*degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


def apart(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None].astype(np.float64) - points[None], axis=-1)


def covered(points, *, within, group=None, order=None, may_go=None, **options):
    everything = np.arange(len(points))
    keeper, distance = covered_by(
        points,
        group=np.zeros(len(points), dtype=int) if group is None else np.array(group),
        order=everything if order is None else np.array(order),
        may_go=np.ones(len(points), dtype=bool) if may_go is None else np.array(may_go),
        within=within,
        **options,
    )
    gone = keeper >= 0
    apart = np.linalg.norm(points[gone].astype(np.float64) - points[keeper[gone]], axis=1)
    np.testing.assert_allclose(distance[gone], apart, atol=2e-3)
    assert np.isnan(distance[~gone]).all() and (apart <= within + 2e-3).all()
    return keeper


TEN_DEGREES = 2 * np.sin(np.radians(5)) + 1e-4


def test_the_first_is_kept_and_what_is_near_goes_for_it():
    # 0 is kept; 10 goes for it; 20 is near 10 alone, which is gone: it is kept; 30 goes for 20.
    assert covered(at(0, 10, 20, 30), within=TEN_DEGREES).tolist() == [-1, 0, -1, 2]
    assert covered(at(0, 10, 19, 30), within=TEN_DEGREES, order=[1, 0, 2, 3]).tolist() == [1, -1, 1, -1]


def test_an_image_goes_for_the_nearest_kept_one():
    assert covered(at(0, 12, 9), within=TEN_DEGREES).tolist() == [-1, -1, 1]


def test_an_image_goes_for_one_of_its_group_only():
    assert covered(at(0, 1, 2, 3), within=1.0, group=[0, 1, 0, 1]).tolist() == [-1, -1, 0, 1]


def test_what_may_not_go_is_kept_before_all_others_and_what_is_not_in_order_plays_no_part():
    assert covered(at(0, 1, 2), within=1.0, may_go=[True, True, False]).tolist() == [2, 2, -1]
    assert covered(at(0, 1, 2), within=1.0, order=[1, 2]).tolist() == [-1, -1, 1]


def test_equal_images_are_found_at_no_distance_at_all():
    points = unit_vectors(40, 7)
    assert covered(np.vstack([points, points]), within=0.0).tolist() == [-1] * 40 + list(range(40))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3), st.floats(0, 1.2), st.integers(0, 1000))
def test_all_that_goes_is_near_and_no_two_near_ones_are_kept(count, groups, within, seed):
    rng = np.random.default_rng(seed)
    points = unit_vectors(min(count, 400), 4)
    points = points[rng.integers(len(points), size=min(count, 2500))]  # equal ones among them
    group, may_go = rng.integers(groups, size=len(points)), rng.random(len(points)) < 0.9
    keeper = covered(points, within=within, group=group, order=rng.permutation(len(points)), may_go=may_go)
    gone = np.flatnonzero(keeper >= 0)
    kept = keeper < 0
    assert may_go[gone].all() and kept[keeper[gone]].all() and (group[keeper[gone]] == group[gone]).all()
    for number in range(groups):
        own = np.flatnonzero(kept & (group == number))[:300]
        distance = apart(points[own])
        np.fill_diagonal(distance, np.inf)
        free = may_go[own]
        assert not (distance[np.ix_(free, free)] < within - 2e-3).any()


def test_larger_images_come_first_of_equal_ones_the_densest_and_others_as_before():
    points, alike = at(0, 90, 96, 180, 102, 270), np.ones(6, dtype=int)
    everything, some, none = np.array([5, 4, 3, 2, 1, 0]), np.array([3, 1, 0]), np.array([], dtype=int)
    assert best_first(points, everything, pixels=alike, within=TEN_DEGREES).tolist() == [2, 4, 1, 5, 3, 0]
    assert best_first(points, some, pixels=alike, within=TEN_DEGREES).tolist() == [3, 1, 0]
    assert best_first(points, none, pixels=alike, within=1.0).tolist() == []
    large = np.array([1, 1, 1, 1, 9, 4])
    assert best_first(points, everything, pixels=large, within=TEN_DEGREES).tolist() == [4, 5, 2, 1, 3, 0]


def test_of_copies_the_largest_stays_and_the_others_go_for_it():
    """Three uploads of a picture at 90 to 96 degrees, the last the largest; the picture at 180 has no copy."""
    points, one_group = at(90, 93, 96, 180), np.zeros(4, dtype=int)
    found = find_copies(points, one_group, pixels=np.array([100, 100, 400, 50]), within=TEN_DEGREES)
    assert found.of.tolist() == [2, 2, -1, -1]
    found = find_copies(points, one_group, pixels=np.full(4, 100), within=TEN_DEGREES)
    assert found.of.tolist() == [-1, 0, 0, -1]  # all three have as many copies: the first stays


def test_the_densest_of_many_are_found_by_a_sample():
    points = unit_vectors(6000, 16)
    points[1000:2000] = points[1000] + 0.01 * unit_vectors(1000, 16)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    first = best_first(points, np.arange(6000), pixels=np.ones(6000, dtype=int), within=0.05)
    assert sorted(first[:1000].tolist()) == list(range(1000, 2000))


@pytest.mark.parametrize("within", [0.0, 0.3])
def test_in_a_large_group_no_image_goes_without_a_near_one(within):
    points = unit_vectors(3000, 6)
    points = np.vstack([points, points[:500]])
    keeper, exact = (covered(points, within=within, most_exact=most) for most in (1000, 10**6))
    gone = np.flatnonzero(keeper >= 0)
    assert (keeper[keeper[gone]] == -1).all()
    assert len(gone) >= 0.9 * (exact >= 0).sum() > 0


def test_where_near_cells_hold_none_within_reach_an_image_goes_for_the_one_that_it_met_first():
    """In many dimensions the image within reach may lie in a far cell; `covered` looks at every distance."""
    points = unit_vectors(12_000, 32)
    keeper = covered(points, within=1.0, most_exact=1000)
    assert (keeper >= 0).sum() > 5000 and (keeper[keeper[keeper >= 0]] == -1).all()


def test_the_nearest_of_others_is_found_with_its_distance():
    points = at(0, 90, 10, 95, 180)
    image, distance = nearest_copy(points, np.array([2, 3, 4]), np.array([0, 1]))
    assert image.tolist() == [0, 1, 1]
    np.testing.assert_allclose(distance, 2 * np.sin(np.radians([5, 2.5, 45])), atol=1e-6)
