"""The order of outliers is that of HDBSCAN's tree."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import HDBSCAN

from clouds import unit_vectors
from winnow.filtering.kmeans import block_centres, nearest
from winnow.filtering.outlier_agreement import outlier_agreement
from winnow.filtering.outlier_blocks import block_density_tree
from winnow.filtering.outlier_scores import outlier_figures, outlier_scores
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


@pytest.mark.parametrize("min_samples", [1, 5, 20])
def test_with_two_blocks_the_tree_is_the_exact_one(min_samples):
    """Every image is in the blocks of its two nearest centres, so that each of the two holds all."""
    points = unit_vectors(600, 8)
    exact = density_tree(points, min_samples=min_samples)
    in_blocks = block_density_tree(points, min_samples=min_samples, block=300)
    for name in ("edges", "weight", "core_distance"):
        np.testing.assert_array_equal(getattr(in_blocks, name), getattr(exact, name))
    assert outlier_agreement(points, min_samples=min_samples, block=300).oddest_5_percent == 1


def test_many_blocks_give_one_tree_that_is_nowhere_lighter_than_the_exact_one():
    points = unit_vectors(1500, 8)
    exact, in_blocks = density_tree(points), block_density_tree(points, block=75)
    assert len(in_blocks.edges) == 1499 and (np.diff(in_blocks.weight) >= 0).all()
    assert connected_components(coo_array((np.ones(1499), tuple(in_blocks.edges.T)), shape=(1500, 1500)))[0] == 1
    assert (in_blocks.core_distance >= exact.core_distance).all() and (in_blocks.weight >= exact.weight - 1e-9).all()
    again = block_density_tree(points, block=75)
    np.testing.assert_array_equal(in_blocks.edges, again.edges)


def test_core_distances_are_those_among_images_that_share_a_block_and_of_the_oddest_tenth_those_among_all():
    points = unit_vectors(600, 8)
    home = nearest(points, block_centres(points, block=30, seed=0), k=2)
    shared = (home[:, None, :, None] == home[None, :, None, :]).any(axis=(2, 3))
    apart = np.linalg.norm(points[:, None].astype(np.float64) - points, axis=2)
    among_shared = np.sort(np.where(shared, apart, np.inf), axis=1)[:, 4]
    among_all = np.sort(apart, axis=1)[:, 4]
    core = block_density_tree(points, block=30).core_distance
    as_shared, as_all = np.isclose(core, among_shared), np.isclose(core, among_all)
    assert (as_shared | as_all).all() and not as_shared.all() and (~as_shared).sum() <= 60


def test_a_sample_is_compared_with_all_as_seldom_as_the_images_that_it_is_drawn_from():
    points = unit_vectors(3000, 8)
    options = {"min_samples": 5, "block": 100}
    found = outlier_agreement(points, **options, most_compared=30, sample=600)  # 1 %, not the tenth
    drawn = points[np.sort(np.random.default_rng(0).choice(3000, 600, replace=False))]
    exact = outlier_order(density_tree(drawn))
    as_seldom, more_often = (
        outlier_order(block_density_tree(drawn, block=20, most_compared=count)) for count in (6, 30)
    )
    assert found.oddest_5_percent == len(np.intersect1d(exact[:30], as_seldom[:30])) / 30
    assert found.oddest_5_percent < len(np.intersect1d(exact[:30], more_often[:30])) / 30


def test_blocks_can_make_an_image_leave_lower_but_no_core_distance_shorter():
    points = unit_vectors(1500, 8)
    exact, in_blocks = density_tree(points), block_density_tree(points, block=20)
    assert (leaving_height(in_blocks) < leaving_height(exact) - 1e-3).any()
    assert (in_blocks.core_distance >= exact.core_distance).all()


def test_planted_odd_images_come_first_by_either_tree():
    rng = np.random.default_rng(0)
    points = np.vstack([rng.normal(size=(2000, 16)) * 0.1 + np.eye(16)[0], rng.normal(size=(20, 16))])
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    for tree in (density_tree(points), block_density_tree(points, block=100)):
        assert set(outlier_order(tree)[:20]) == set(range(2000, 2020))
    assert outlier_agreement(points, min_samples=5, block=100, sample=2020).oddest_1_percent == 1


def test_an_odd_image_on_the_border_of_two_blocks_is_the_oddest_and_usual_ones_there_are_not_odd():
    rng = np.random.default_rng(0)
    strip = rng.uniform(-1, 1, size=(1200, 2)) * [1, 0.1]
    middle = np.sort(block_centres(strip.astype(np.float32), block=300, seed=0)[:, 0])[1:3].mean()
    points = np.vstack([strip, [[middle, 0.5]]]).astype(np.float32)
    centres = block_centres(points, block=300, seed=0)
    near, far = np.sort(np.linalg.norm(points[:, None] - centres, axis=2), axis=1)[:, :2].T
    on_border = far < 1.1 * near
    assert on_border[1200] and on_border.sum() > 20
    exact, in_blocks = density_tree(points), block_density_tree(points, block=300)
    assert outlier_order(in_blocks)[0] == outlier_order(exact)[0] == 1200
    np.testing.assert_array_equal(in_blocks.core_distance[on_border], exact.core_distance[on_border])
    np.testing.assert_array_equal(leaving_height(in_blocks)[on_border], leaving_height(exact)[on_border])


def test_groups_far_apart_are_joined_by_the_pair_that_is_nearest():
    """Though some images of a group share a block with some of another: those of its second nearest centre."""
    rng = np.random.default_rng(0)
    points = np.vstack([corner + 0.3 * rng.normal(size=(200, 4)) for corner in 4 * np.eye(4)]).astype(np.float32)
    exact, in_blocks = density_tree(points), block_density_tree(points, block=50)
    np.testing.assert_allclose(in_blocks.weight[-3:], exact.weight[-3:])


def test_an_image_whose_blocks_hold_fewer_images_than_asked_for_is_compared_with_all():
    points = np.array([[0.0], [1], [3], [100], [101], [103]], dtype=np.float32)
    in_blocks = block_density_tree(points, min_samples=5, block=1)
    np.testing.assert_array_equal(in_blocks.core_distance, density_tree(points, min_samples=5).core_distance)


def test_how_well_blocks_agree_is_told_only_where_there_are_blocks():
    points = unit_vectors(400, 8)
    assert outlier_figures(points, min_samples=5, most_exact=400) == {"images": 400}
    figures = outlier_figures(points, min_samples=5, most_exact=399)["blocks"]
    assert (figures["images"], figures["blocks"], figures["sampled"]) == (400, 2, 400)
    assert figures["oddest_1_percent"] == 1 and figures["oddest_1_percent_by_chance"] == 0.01
    assert "The oddest of 400 images are found in 2 blocks: of 400 of them" in figures["sentence"]
    assert "100% of the oddest 1 % in common and 100% of the oddest 5 %, two random choices" in figures["sentence"]


@pytest.mark.parametrize("count", [2, 3, 40])
def test_equal_images_have_an_order_in_blocks(count):
    tree = block_density_tree(np.ones((count, 3), dtype=np.float32), block=10)
    assert len(tree.weight) == count - 1 and (tree.weight == 0).all()


def test_scores_in_blocks_have_the_same_columns():
    points, ids = unit_vectors(300, 8), np.array([f"{number:03}" for number in range(300)])
    exact = outlier_scores(ids, points, min_samples=5)
    in_blocks = outlier_scores(ids, points, min_samples=5, most_exact=299)
    assert exact.equals(in_blocks)  # two blocks
