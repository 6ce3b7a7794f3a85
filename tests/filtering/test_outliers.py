"""The order of outliers is that of HDBSCAN's tree."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from sklearn.cluster import HDBSCAN

from clouds import unit_vectors
from winnow.filtering.outliers import density_tree, leaving_height, outlier_order


def hdbscan_weights(points, min_samples):
    model = HDBSCAN(min_samples=min_samples, min_cluster_size=2, algorithm="brute", copy=True)
    return np.sort(model.fit(points.astype(np.float64))._single_linkage_tree_["value"])


@pytest.mark.parametrize("min_samples", [1, 2, 5, 20])
def test_the_tree_has_the_weights_of_hdbscan(min_samples):
    points = unit_vectors(1000, 16)
    tree = density_tree(points, min_samples=min_samples)
    np.testing.assert_allclose(tree.weight, hdbscan_weights(points, min_samples), atol=1e-5)


@pytest.mark.slow
def test_5000_images_of_64_features_have_the_weights_of_hdbscan():
    points = unit_vectors(5000, 64)
    np.testing.assert_allclose(density_tree(points).weight, hdbscan_weights(points, 5), atol=1e-5)


def test_min_samples_1_is_single_linkage():
    points = unit_vectors(300, 8)
    expected = np.sort(linkage(points.astype(np.float64), "single")[:, 2])
    np.testing.assert_allclose(density_tree(points, min_samples=1).weight, expected, atol=1e-5)


def test_components_that_the_neighbours_leave_apart_are_joined_by_their_closest_pair():
    rng = np.random.default_rng(0)
    points = np.vstack([rng.normal(size=(40, 4)) * 0.01 + 10 * corner for corner in np.eye(4)]).astype(np.float32)
    tree = density_tree(points, min_samples=5)
    assert len(tree.weight) == 159
    np.testing.assert_allclose(tree.weight, hdbscan_weights(points, 5), atol=1e-4)


def test_lonely_images_leave_first_and_a_pair_leaves_together():
    line = np.array([[0.0], [1], [2], [3], [4], [20], [21], [60]], dtype=np.float32)
    tree = density_tree(line, min_samples=1)
    height = leaving_height(tree)
    assert height[7] == 39 and (height[[5, 6]] == 16).all() and height[:5].max() <= 1
    assert outlier_order(tree).tolist()[:3] == [7, 5, 6]


def test_planted_odd_images_come_first():
    rng = np.random.default_rng(0)
    usual = rng.normal(size=(300, 32)) * 0.1 + np.eye(32)[0]
    odd = rng.normal(size=(6, 32))
    points = np.vstack([usual, odd]).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assert set(outlier_order(density_tree(points))[:6]) == set(range(300, 306))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_images_have_an_order(count):
    points = np.eye(3, dtype=np.float32)[:count]
    assert sorted(outlier_order(density_tree(points)).tolist()) == list(range(count))


def test_equal_images_have_an_order():
    tree = density_tree(np.ones((50, 3), dtype=np.float32))
    assert len(tree.weight) == 49 and (tree.weight == 0).all()
