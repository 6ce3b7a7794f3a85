import numpy as np
import pytest

from winnow.errors import WinnowError
from winnow.learn.folds import stratified_group_folds


def case(seed: int, count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice(6, size=count, p=[0.4, 0.3, 0.15, 0.1, 0.04, 0.01])
    return labels, rng.integers(0, int(count * 0.7), size=count)


@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_whole_and_every_class_is_spread_evenly(seed):
    labels, groups = case(seed)
    fold = stratified_group_folds(labels, groups, folds=5, seed=seed)
    assert fold.dtype == np.int64 and set(fold) == set(range(5))
    folds_of_group = {}
    for group, own in zip(groups, fold, strict=True):
        assert folds_of_group.setdefault(group, own) == own
    for label in range(6):
        counts = np.bincount(fold[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 2


def test_single_images_differ_by_one_at_most():
    labels = np.repeat([0, 1, 2], [23, 11, 4])
    fold = stratified_group_folds(labels, np.arange(38), folds=5, seed=0)
    for label in range(3):
        counts = np.bincount(fold[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(fold)) <= 1


def test_a_class_of_two_images_is_in_every_training_part():
    labels = np.array([0] * 50 + [1] * 2)
    fold = stratified_group_folds(labels, np.arange(52), folds=5, seed=3)
    assert fold[50] != fold[51]


def test_one_large_group_does_not_unbalance_the_rest():
    labels = np.zeros(100, dtype=int)
    groups = np.r_[np.zeros(20, dtype=int), np.arange(1, 81)]
    assert np.bincount(stratified_group_folds(labels, groups, folds=5, seed=0)).tolist() == [20] * 5


def test_the_seed_alone_decides():
    labels, groups = case(0)
    first = stratified_group_folds(labels, groups, folds=4, seed=1)
    assert (first == stratified_group_folds(labels, groups, folds=4, seed=1)).all()
    assert (first != stratified_group_folds(labels, groups, folds=4, seed=2)).any()


def test_fewer_groups_than_folds_is_refused_in_words():
    with pytest.raises(WinnowError, match="6 images in 3 duplicate groups cannot be split into 5 folds"):
        stratified_group_folds(np.zeros(6, int), np.repeat([0, 1, 2], 2), folds=5, seed=0)
