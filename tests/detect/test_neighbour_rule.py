"""When neighbours alone speak against a label, and what an edge case is, by hand."""

import numpy as np
import pandas as pd
import pytest

from winnow.detect.labels.neighbour_rule import (
    edge_difficulty,
    far_from_its_class,
    in_another_cluster,
    outside_its_class,
    with_another_label,
)


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


def test_another_cluster_takes_nine_in_ten_neighbours_however_near_its_own_class_is():
    near = scores((1, 0.9, 0.1), (1, 0.85, 0.1), (0, 0.9, 9.0), (1, 0.6, 3.1), (-1, 0.0, np.nan))
    labels = np.zeros(5, dtype=int)
    assert in_another_cluster(near, labels).tolist() == [True, False, False, False, False]
    for another_cluster, found in ((False, [3]), (True, [0, 3])):
        outside = outside_its_class(near, labels, distance=3.0, another_cluster=another_cluster)
        assert np.flatnonzero(outside).tolist() == found


def test_no_edge_case_is_outside_its_class():
    """Every agreement in steps of a neighbour and every distance: whatever is an edge case stays."""
    agreement, distance = np.meshgrid(np.arange(11) / 10, [0.1, 3.1, np.inf])
    for neighbour_label in (0, 1):
        near = scores(*((neighbour_label, *row) for row in zip(agreement.ravel(), distance.ravel(), strict=True)))
        labels = np.zeros(len(near), dtype=int)
        edge = ~np.isnan(edge_difficulty(near, labels))
        assert edge.sum() == (2 * 3 if neighbour_label == 0 else 0)  # agreements of 0.9 and 1 at each distance
        assert not (edge & outside_its_class(near, labels, distance=3.0, another_cluster=True)).any()


def test_an_edge_case_lies_far_out_among_its_own_class():
    near = scores((2, 1.0, 0.5), (2, 0.9, 3.0), (3, 1.0, 9.0), (2, 0.8, 9.0))
    np.testing.assert_array_equal(edge_difficulty(near, np.full(4, 2)), [0.5, 3.0, np.nan, np.nan])
