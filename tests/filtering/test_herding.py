"""Herding by hand, against drawing at random, and through `score_redundancy`."""

import numpy as np
import pytest

from winnow.encoders.normalise import l2_normalised
from winnow.filtering.herding import herded_keepers, herding_order
from winnow.filtering.redundancy import score_redundancy


def clouds(count: int = 400, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, 16))
    return l2_normalised((centres[rng.integers(4, size=count)] + rng.normal(size=(count, 16))).astype(np.float32))


def test_herding_by_hand():
    """The mean is (2, 1) / 3 before scaling: first the point of the axis that two lie on, then the other axis; after
    both, what is missing lies on the first axis again."""
    points = np.array([[0, 1], [1, 0], [1, 0]], dtype=np.float32)
    assert herding_order(points).tolist() == [1, 0, 2]
    found = herded_keepers(points, seed=0)
    assert found.keeper.tolist() == [1, 1, 1]
    assert found.height == pytest.approx([2 / 3, np.inf, 1 / 3])


def test_each_image_brings_the_mean_as_near_as_any_could():
    points = clouds(60)
    order, mean = herding_order(points), points.mean(axis=0)
    for number in range(len(points)):
        before, left = points[order[:number]].sum(axis=0), np.setdiff1d(np.arange(60), order[:number])
        error = ((before + points[left]) / (number + 1) - mean) ** 2
        own = ((points[order[: number + 1]].mean(axis=0) - mean) ** 2).sum()
        assert own == pytest.approx(error.sum(axis=1).min(), abs=1e-6)


@pytest.mark.parametrize("count", [20, 80, 200])
def test_the_mean_of_what_stays_is_far_nearer_than_a_random_one(count):
    points = clouds()
    mean = points.mean(axis=0)
    herded = np.linalg.norm(points[herding_order(points)[:count]].mean(axis=0) - mean)
    rng = np.random.default_rng(1)
    drawn = [np.linalg.norm(points[rng.choice(400, count, replace=False)].mean(axis=0) - mean) for _ in range(20)]
    assert herded < 0.5 * min(drawn)


def test_an_image_goes_for_the_most_similar_of_those_that_stay_longer():
    points = clouds(300)
    found, order = herded_keepers(points, seed=0), herding_order(points)
    assert (np.diff(found.height[order[1:]]) < 0).all() and np.isinf(found.height[order[0]])
    for place in (1, 50, 299):
        before = order[:place]
        best = (points[before] @ points[order[place]]).max()
        assert points[found.keeper[order[place]]] @ points[order[place]] == pytest.approx(best, abs=1e-6)
        assert found.keeper[order[place]] in before


def test_many_images_are_herded_in_blocks_that_shrink_alike():
    points = clouds()
    found = herded_keepers(points, seed=0, block=100)
    assert np.isinf(found.height).sum() == 4  # the first of each block never goes
    half = found.height > 0.5
    assert half.mean() == pytest.approx(0.5, abs=0.02)
    assert np.linalg.norm(points[half].mean(axis=0) - points.mean(axis=0)) < 0.02


def test_classes_keep_their_shares_and_no_image_goes_for_another_class():
    points, label = clouds(), np.repeat([0, 1, 2], [200, 150, 50])
    found = score_redundancy(points, method="herding", groups=label, balance=label, floor=0.95)
    assert (label[found.keeper] == label).all()
    assert sorted(found.removal_rank[found.removal_rank > 0]) == list(range(1, 398))
    kept = (found.removal_rank == 0) | (found.removal_rank > 360)
    assert np.bincount(label[kept]).tolist() == pytest.approx([20, 15, 5], abs=1)
    assert 40 <= len(np.unique(found.tile)) <= 60
