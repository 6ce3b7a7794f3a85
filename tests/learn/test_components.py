"""Principal components of rows whose directions are known."""

import numpy as np

from winnow.learn.components import principal_axes, principal_components, turned


def test_components_are_those_of_the_singular_values_and_the_mean_goes():
    rows = np.random.default_rng(0).normal(size=(50, 4)) * [1, 8, 2, 4] + 5
    left, size, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(turned(principal_components(rows, most=2)), turned((left * size)[:, :2]), atol=1e-9)
    assert principal_components(rows, most=9).shape == (50, 4)


def test_axes_are_those_of_the_largest_products():
    np.testing.assert_array_equal(np.abs(principal_axes(np.diag([1.0, 9.0, 4.0]), most=2)), [[0, 0], [1, 0], [0, 1]])


def test_a_turned_column_has_its_value_of_the_largest_size_above_zero():
    columns = np.array([[1.0, 2.0], [-3.0, 1.0]])
    np.testing.assert_array_equal(turned(columns), [[-1, 2], [3, 1]])
    np.testing.assert_array_equal(turned(-columns), turned(columns))
