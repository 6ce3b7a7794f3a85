"""The merge tree is scipy's, in memory that grows with N."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from clouds import unit_vectors
from winnow.filtering.keepers import kept_for, nested_keepers
from winnow.filtering.merge_tree import merge_tree


def of_scipy(points, method):
    metric = {"metric": "cosine"} if method == "average" else {}
    return linkage(points.astype(np.float64), method, **metric)


@pytest.mark.parametrize("method", ["ward", "average"])
def test_2000_images_have_scipys_tree(method):
    points = unit_vectors(2000, 32)
    tree, expected = merge_tree(points, linkage=method), of_scipy(points, method)
    np.testing.assert_allclose(tree.height, expected[:, 2], atol=1e-5)
    np.testing.assert_array_equal(tree.size, expected[:, 3])
    for clusters in (1500, 1000, 100, 7):
        assert adjusted_rand_score(fcluster(expected, clusters, "maxclust"), tree.labels(clusters)) == 1


@pytest.mark.parametrize("method", ["ward", "average"])
def test_copies_merge_first_and_change_nothing_else(method):
    points = unit_vectors(300, 16)
    points[200:] = points[np.random.default_rng(1).integers(200, size=100)]
    tree, expected = merge_tree(points, linkage=method), of_scipy(points, method)
    assert (tree.height[:100] == 0).all() and tree.height[100] > 0
    np.testing.assert_allclose(tree.height, expected[:, 2], atol=1e-5)


@pytest.mark.parametrize("method", ["ward", "average"])
def test_ties_that_form_a_circle_are_merged_too(method):
    corners = np.eye(30, dtype=np.float32)  # every pair is equally far
    tree = merge_tree(corners, linkage=method)
    np.testing.assert_allclose(tree.height, of_scipy(corners, method)[:, 2], atol=1e-9)


def test_wards_height_is_worked_by_hand():
    points = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    tree = merge_tree(points, linkage="ward")
    np.testing.assert_array_equal(tree.children, [[0, 1], [2, 3]])
    # |a - b|^2 = 0.04 + 0.36; then sizes 2 and 1: 2*2*1/3 * |(0.9, 0.3) - (0, 1)|^2 = 4/3 * (0.81 + 0.49)
    np.testing.assert_allclose(tree.height, np.sqrt([0.4, 4 / 3 * 1.3]), atol=1e-6)


@pytest.mark.parametrize(
    "points", [np.ones((1, 3)), np.zeros((4, 3)), np.eye(2), np.vstack([np.zeros((1, 4)), np.eye(4)])]
)
@pytest.mark.parametrize("method", ["ward", "average"])
def test_one_image_equal_images_and_a_row_of_zeros_have_a_tree(points, method):
    tree = merge_tree(points.astype(np.float32), linkage=method)
    assert len(tree.height) == len(points) - 1
    assert len(tree.height) == 0 or tree.size[-1] == len(points)
    assert (np.diff(tree.height) >= 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(0, 10_000), st.sampled_from(["ward", "average"]))
def test_coarse_features_full_of_ties_give_a_whole_tree(count, seed, method):
    points = np.random.default_rng(seed).integers(0, 3, size=(count, 3)).astype(np.float32)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    tree = merge_tree(points, linkage=method)
    assert sorted(tree.children.ravel()) == list(range(2 * count - 2))
    assert (tree.children < np.arange(count, 2 * count - 1)[:, None]).all()


def test_keepers_are_nested():
    points = unit_vectors(400, 8)
    keepers = nested_keepers(merge_tree(points, linkage="ward"), points)
    never = np.isinf(keepers.height)
    assert never.sum() == 1
    assert (keepers.height[keepers.keeper] >= keepers.height).all()
    for threshold in np.quantile(keepers.height, [0.1, 0.5, 0.9]):
        kept = keepers.height > threshold
        assert kept[kept_for(keepers.keeper, kept)].all()


def test_the_image_nearer_to_the_merged_centre_stays():
    angle = np.radians([0, 10, 30])
    points = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    keepers = nested_keepers(merge_tree(points, linkage="ward"), points)
    # 0 and 10 degrees tie, and the first stays; the centre of all three lies at 13 degrees, nearer to 0 than to 30.
    assert keepers.keeper.tolist() == [0, 0, 0]
