"""Copies are told from images that are merely alike by what a light change does."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sklearn.covariance import ledoit_wolf

from winnow.filtering.calibration import learn_copies
from winnow.filtering.copies import unit_mean
from winnow.filtering.light_changes import lightly_changed, shrunk_directions


def test_a_light_change_is_small_keeps_the_size_and_is_repeatable():
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    image = small.resize((96, 64), Image.Resampling.BICUBIC)
    one, same, other = (lightly_changed(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.size == image.size and one.mode == "RGB"
    assert one.tobytes() == same.tobytes() != other.tobytes()
    for changed in (one, other):
        difference = np.abs(np.asarray(changed, dtype=int) - np.asarray(image, dtype=int)).mean()
        assert 0 < difference < 60


@pytest.mark.parametrize(("count", "dimensions"), [(12, 5), (6, 9), (40, 40)])
def test_shrinking_is_the_inverse_root_of_the_differences_covariance(count, dimensions):
    rng = np.random.default_rng(count)
    differences = rng.normal(size=(count, dimensions)) * np.geomspace(1, 0.01, dimensions)
    directions, part = shrunk_directions(differences)
    shrunk = np.eye(dimensions) - directions.T @ np.diag(part) @ directions
    covariance, _ = ledoit_wolf(differences, assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors / np.sqrt(values)) @ vectors.T
    np.testing.assert_allclose(shrunk / shrunk[0, 0], root / root[0, 0], atol=2e-5)
    assert ((part >= 0) & (part < 1)).all()


def test_where_nothing_differs_nothing_is_shrunk():
    directions, part = shrunk_directions(np.zeros((5, 3)))
    assert directions.shape == (0, 3) and part.shape == (0,)


def planted(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images that differ in 20 dimensions, and their changed selves, which differ from these in 4 others by as much."""
    rng = np.random.default_rng(seed)
    images, changed = np.zeros((count, 64)), np.zeros((count, 64))
    images[:, :20] = changed[:, :20] = rng.normal(size=(count, 20))
    images[:, 20:24], changed[:, 20:24] = rng.normal(scale=3, size=(2, count, 4))
    return images, changed + rng.normal(scale=0.02, size=changed.shape)


def test_a_change_that_is_as_large_as_other_images_are_far_is_told_from_them():
    images, changed = planted(400, seed=0)
    mean = unit_mean(images, np.arange(400))
    space, reach = learn_copies(images, mean, np.arange(200), changed[:200])
    rest = np.arange(200, 400)
    apart = np.linalg.norm(space.of(changed[rest])[:, None] - space[rest], axis=2)
    assert 0.6 <= (np.diag(apart) <= reach).mean() <= 0.9  # three of four
    assert (apart <= reach).sum() == (np.diag(apart) <= reach).sum()  # and no other image is as near
    plain = replace(space, directions=space.directions[:0], shrunk_by=space.shrunk_by[:0])
    far = np.linalg.norm(plain.of(changed[rest])[:, None] - plain[rest], axis=2)
    assert (apart.argmin(axis=1) == np.arange(200)).mean() >= 0.99
    assert (far.argmin(axis=1) == np.arange(200)).mean() <= 0.8


def test_few_changed_images_shrink_nothing_and_none_allow_no_distance():
    images, changed = planted(20, seed=1)
    mean = unit_mean(images, np.arange(20))
    space, reach = learn_copies(images, mean, np.arange(7), changed[:7])
    assert space.directions.shape == (0, 64) and 0 < reach <= 2
    _, nothing = learn_copies(images, mean, np.arange(0), changed[:0])
    assert nothing == 0.0
    twice, apart = learn_copies(images, mean, np.arange(20), images)  # a change that changes nothing
    assert twice.directions.shape == (0, 64) and apart < 1e-3
