"""Distances to classes fitted as if the outliers were not there."""

import numpy as np
import pytest

from detector_data import unit
from winnow.detect.outliers.mahalanobis import mahalanobis_distance


def test_it_counts_in_standard_deviations_of_the_classes():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 2)) * [1.0, 0.1]
    features[0], features[1] = [3.0, 0.0], [0.0, 0.3]
    distance = mahalanobis_distance(features, np.zeros(4000, int), trim=0.0)
    assert distance[:2] == pytest.approx([3, 3], rel=0.1)


def test_the_nearest_class_counts_whichever_an_image_was_taken_for():
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 4], 500)  # numbers between them may be missing
    features = rng.normal(size=(1000, 2)) + np.where(classes[:, None] == 4, 20.0, 0.0)
    classes[0] = 4
    distance = mahalanobis_distance(features, classes, trim=0.1)
    assert distance[0] < 5
    assert np.median(distance) == pytest.approx(1.2, rel=0.2)  # of a chi distribution of two dimensions


@pytest.mark.parametrize("size", [15, 40])
def test_trimming_keeps_a_clump_out_of_the_class_that_it_is_guessed_to_be(size):
    rng = np.random.default_rng(0)
    classes = np.concatenate([np.repeat(np.arange(4), 150), np.zeros(size, int)])
    means = rng.normal(size=(4, 32))
    inside = means[classes[:600]] + rng.normal(scale=0.3, size=(600, 32))
    clump = rng.normal(size=32) + rng.normal(scale=0.02, size=(size, 32))
    features = unit(np.concatenate([inside, clump]))
    apart = []
    for trim in (0.0, 0.3):
        distance = mahalanobis_distance(features, classes, trim=trim)
        apart.append(distance[600:].mean() / np.median(distance[:600]))
    assert apart[1] > 1.5 * apart[0] and apart[1] > 3


def test_images_that_are_all_alike_are_at_no_distance():
    same = np.full((50, 8), 8**-0.5, dtype=np.float32)
    assert mahalanobis_distance(same, np.arange(50) % 3, trim=0.2) == pytest.approx(np.zeros(50), abs=1e-3)
    points = np.eye(8, dtype=np.float32)[np.arange(200) % 2]  # two classes of one picture each
    odd = np.vstack([points, np.eye(8, dtype=np.float32)[[5]]])
    distance = mahalanobis_distance(odd, np.append(np.arange(200) % 2, 0), trim=0.2)
    assert np.isfinite(distance).all() and distance.argmax() == 200


def test_a_class_of_one_image_and_fewer_images_than_dimensions():
    rng = np.random.default_rng(0)
    distance = mahalanobis_distance(unit(rng.normal(size=(12, 300))), np.array([2] + [0] * 11), trim=0.5)
    assert distance.shape == (12,) and np.isfinite(distance).all()
    assert distance[0] == pytest.approx(0, abs=1e-6)
