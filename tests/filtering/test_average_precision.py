"""Average precision of found boxes, by hand."""

import numpy as np
import pytest

from winnow.filtering.learners.average_precision import OVERLAPS, Boxes, Precision, overlaps

SQUARE, OTHER, AWAY = (0.0, 0.0, 1.0, 1.0), (2.0, 2.0, 3.0, 3.0), (5.0, 5.0, 6.0, 6.0)


def boxes(*corners, classes=None, scores=None):
    classes = np.zeros(len(corners), dtype=int) if classes is None else np.array(classes)
    return Boxes(np.array(corners, dtype=float).reshape(-1, 4), classes, None if scores is None else np.array(scores))


def test_a_wrong_box_between_two_right_ones_costs_the_second_half_of_the_recall():
    found = boxes(SQUARE, AWAY, OTHER, scores=[0.9, 0.8, 0.7])
    precision = Precision([boxes(SQUARE, OTHER)], [found]).by_overlap()
    np.testing.assert_allclose(precision, (51 * 1 + 50 * 2 / 3) / 101)


def test_a_true_box_is_found_once_and_the_surer_of_two_finds_it():
    found = boxes(SQUARE, SQUARE, scores=[0.5, 0.6])
    assert Precision([boxes(SQUARE)], [found]).by_overlap() == pytest.approx(1)
    with_two = Precision([boxes(SQUARE, OTHER)], [found]).by_overlap()
    np.testing.assert_allclose(with_two, 51 / 101)


def test_a_box_counts_up_to_the_overlap_that_it_has():
    found = boxes((0.0, 0.0, 0.72, 1.0), scores=[1.0])
    np.testing.assert_allclose(overlaps(found.corners, boxes(SQUARE).corners), 0.72)
    precision = Precision([boxes(SQUARE)], [found]).by_overlap()
    np.testing.assert_allclose(precision, (OVERLAPS < 0.72).astype(float))


def test_of_two_true_boxes_the_nearer_one_is_found():
    near, far = (0.0, 0.0, 1.0, 1.0), (0.1, 0.0, 1.1, 1.0)
    found = boxes(near, far, scores=[0.9, 0.8])
    np.testing.assert_allclose(Precision([boxes(far, near)], [found]).by_overlap(), 1)


def test_classes_count_alike_and_those_without_a_true_box_not_at_all():
    truth = [boxes(SQUARE, SQUARE, SQUARE, OTHER, classes=[0, 0, 0, 1])]
    found = [boxes(OTHER, AWAY, classes=[1, 2], scores=[0.5, 0.9])]
    np.testing.assert_allclose(Precision(truth, found).by_overlap(), (0 + 1) / 2)
    assert np.isnan(Precision([boxes()], found).by_overlap()).all()


def test_an_image_that_counts_twice_is_there_twice():
    rng = np.random.default_rng(0)
    truth, found = [], []
    for _ in range(12):
        left_top = rng.random((4, 2))
        corners = np.hstack([left_top, left_top + 0.2 + rng.random((4, 2))])
        truth.append(Boxes(corners, rng.integers(2, size=4)))
        found.append(
            Boxes(corners + rng.normal(scale=0.05, size=corners.shape), rng.integers(2, size=4), rng.random(4))
        )
    times = rng.integers(3, size=12)
    places = np.repeat(np.arange(12), times)
    repeated = Precision([truth[place] for place in places], [found[place] for place in places]).by_overlap()
    np.testing.assert_allclose(Precision(truth, found).by_overlap(times), repeated)
    assert 0 < repeated.mean() < 1
