"""When neighbours alone speak against a label, and what an edge case is, by hand."""

import numpy as np
import pandas as pd
import pytest

from winnow.detect.labels.neighbour_rule import edge_difficulty, far_from_its_class, with_another_label


def scores(*rows: tuple[int, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["neighbour_label", "neighbour_agreement", "neighbour_distance"])


@pytest.mark.parametrize(("share", "found"), [(1.0, [True, False, False, False]), (0.9, [True, True, False, False])])
def test_one_dissenting_neighbour_stops_the_strict_rule(share, found):
    near = scores((1, 1.0, 1.0), (1, 0.95, 1.0), (0, 1.0, 1.0), (-1, 0.0, np.nan))  # the last has no neighbours
    assert with_another_label(near, np.zeros(4, dtype=int), share=share).tolist() == found


def test_far_from_its_class_needs_most_neighbours_of_another_label():
    near = scores((1, 0.6, 3.1), (1, 0.5, 9.0), (1, 0.9, 3.0), (0, 1.0, 9.0), (1, 1.0, np.inf))
    found = far_from_its_class(near, np.zeros(5, dtype=int), distance=3.0)
    assert found.tolist() == [True, False, False, False, True]


def test_an_edge_case_lies_far_out_among_its_own_class():
    near = scores((2, 1.0, 0.5), (2, 0.9, 3.0), (3, 1.0, 9.0), (2, 0.8, 9.0))
    np.testing.assert_array_equal(edge_difficulty(near, np.full(4, 2)), [0.5, 3.0, np.nan, np.nan])
