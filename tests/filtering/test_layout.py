"""Points by UMAP: groups that lie apart stay apart, the same bytes twice, and a sentence where there is no layout."""

import numpy as np
import pandas as pd
import pytest

from winnow.errors import WinnowError
from winnow.filtering.calibration import reduced
from winnow.filtering.layout import onto_sphere, reduced_by
from winnow.filtering.merge_tree import merge_tree
from winnow.filtering.outlier_scores import outlier_scores
from winnow.filtering.scores import redundancy_scores

GROUPS, EACH = 6, 40
NONE = {"image_id": np.zeros(0, dtype="<U1"), "features": np.zeros((0, 64), dtype=np.float32)}
COUNT = GROUPS * EACH


class Planted:
    """Six groups of forty images, each group of twenty pairs of copies; of each the last ten are not filtered."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.group = np.repeat(np.arange(GROUPS), EACH)
        centres = rng.normal(size=(GROUPS, 64))
        distinct = centres[np.repeat(np.arange(GROUPS), EACH // 2)] + 0.6 * rng.normal(size=(COUNT // 2, 64))
        self.original = np.repeat(np.arange(COUNT // 2), 2)
        self.features = (distinct[self.original] + 0.01 * rng.normal(size=(COUNT, 64))).astype(np.float32)
        self.ids = np.array([f"{number:03}.png" for number in range(COUNT)])
        self.filtered = np.arange(COUNT) % EACH < EACH - 10

    def reduced(self, method="umap", dimensions=8, **options):
        more = {"dimensions": dimensions, "seed": 0} | options
        return reduced_by(method, self.ids, self.features, self.filtered, NONE, **more)


@pytest.fixture(scope="module")
def planted():
    return Planted()


@pytest.fixture(scope="module")
def laid_out(planted):
    return planted.reduced()


def test_groups_lie_apart_and_copies_together(planted, laid_out):
    points, own = laid_out.points, planted.filtered
    assert points.shape == (COUNT, 9) and points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
    found = merge_tree(points[own], linkage="ward").labels(GROUPS)
    assert len(set(zip(found, planted.group[own], strict=True))) == GROUPS
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    same = planted.group[:, None] == planted.group
    assert np.median(apart[same]) < 0.3 * np.median(apart[~same])


def test_an_image_of_another_split_stands_on_its_nearest_and_moves_none(planted, laid_out):
    own, other = np.flatnonzero(planted.filtered), np.flatnonzero(~planted.filtered)
    on = np.array(
        [own[np.flatnonzero((laid_out.points[own] == place).all(axis=1))[0]] for place in laid_out.points[other]]
    )
    assert (planted.group[on] == planted.group[other]).all()
    alone = reduced_by(
        "umap", planted.ids[own], planted.features[own], planted.filtered[own], NONE, dimensions=8, seed=0
    )
    np.testing.assert_array_equal(alone.points, laid_out.points[own])


def test_the_seed_decides_and_copies_are_looked_for_in_the_features(planted, laid_out):
    np.testing.assert_array_equal(planted.reduced().points, laid_out.points)
    assert (planted.reduced(seed=1).points != laid_out.points).any()
    plain = planted.reduced("pca")
    for name, value in plain.arrays().items():
        if name != "points":
            np.testing.assert_array_equal(laid_out.arrays()[name], value)


@pytest.mark.parametrize("dimensions", [None, 8])
def test_principal_components_are_the_same_bytes_as_before(planted, dimensions):
    expected = reduced(planted.ids, planted.features, planted.filtered, NONE, dimensions=dimensions)
    found = planted.reduced("pca", dimensions=dimensions)
    assert found.points.tobytes() == expected.points.tobytes()


def test_redundancy_and_outliers_are_ranked_by_either_and_components_tell_pairs_best(planted, laid_out):
    own, ids = planted.filtered, planted.ids[planted.filtered]
    items = pd.DataFrame({"image_id": ids, "label": "", "classes": "", "boxes": 0, "width": 8, "height": 8})
    options = {"groups": "cluster", "clusters": GROUPS, "floor": 0.95, "seed": 0}
    whole = []  # pairs of which an image stays when half of all images go
    for points in (laid_out.points[own], planted.reduced("pca").points[own]):
        scores = redundancy_scores(items, points, copies=points, within=0.0, method="ward", **options)
        stays = (scores["removal_rank"] == 0) | (scores["removal_rank"] > len(ids) // 2)
        whole.append(len(set(planted.original[own][stays])))
        assert sorted(outlier_scores(ids, points, min_samples=5)["outlier_rank"]) == list(range(1, len(ids) + 1))
    assert 0.8 * 90 < whole[0] < whole[1] == 90  # by chance 68 of 90


def test_where_there_is_no_layout_one_sentence_says_what_to_do(planted):
    with pytest.raises(WinnowError, match=r"lays out 30 to 100 images, and 180 are filtered; set it to pca\.$"):
        planted.reduced(most=100)
    few = slice(0, 20)
    with pytest.raises(WinnowError, match=r"30 to 100,000 images, and 20 are filtered"):
        reduced_by("umap", planted.ids[few], planted.features[few], planted.filtered[few], NONE, dimensions=2, seed=0)


def test_places_on_the_sphere_keep_their_distances_by_hand():
    places = np.array([[0.0, 0], [4, 0], [2, 2], [2, -2]])  # all 2 from the middle, (2, 0): scaled to .5
    found = onto_sphere(places)
    np.testing.assert_allclose(found[:, 2], np.sqrt(0.75), atol=1e-6)
    np.testing.assert_allclose(found[:, :2], [[-0.5, 0], [0.5, 0], [0, 0.5], [0, -0.5]], atol=1e-6)
    np.testing.assert_array_equal(onto_sphere(np.ones((3, 2))), [[0, 0, 1]] * 3)
