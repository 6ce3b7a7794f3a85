"""Pooling over duplicate groups."""

import numpy as np

from winnow.detect.labels.pooling import pool_over_groups


def test_members_of_a_group_get_its_mean():
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5], [0.6, 0.4]])
    pooled = pool_over_groups(probabilities, np.array([7, 3, 7, 7]))
    np.testing.assert_allclose(pooled, [[2 / 3, 1 / 3], [0.3, 0.7], [2 / 3, 1 / 3], [2 / 3, 1 / 3]])


def test_copies_agree_on_the_winner_and_images_alone_keep_every_bit():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), 300).astype(np.float32)
    groups = np.concatenate([np.repeat(np.arange(50), 3), np.arange(50, 200)])
    shuffled = rng.permutation(300)
    pooled = pool_over_groups(probabilities[shuffled], groups[shuffled])[np.argsort(shuffled)]
    assert (pooled[:150].reshape(50, 3, 5) == pooled[:150:3, None]).all()
    assert (pooled[150:] == probabilities[150:]).all()
    np.testing.assert_allclose(pooled.sum(axis=1), 1, atol=1e-6)


def test_no_images():
    assert pool_over_groups(np.zeros((0, 3)), np.zeros(0, dtype=int)).shape == (0, 3)
