"""Whether class names and labels mean the same."""

import numpy as np
import pytest

from detector_data import pairwise, through
from winnow.detect.labels.class_names import flipped_majorities, swapped_classes

TRUE = np.repeat(np.arange(5), 40)


def sure(classes: np.ndarray, confidence: float = 0.9) -> np.ndarray:
    return (confidence * np.eye(5) + (1 - confidence) / 4 * (1 - np.eye(5)))[classes]


def test_exchanged_class_names_are_noticed():
    names = np.array([0, 2, 1, 3, 4])
    assert swapped_classes(np.eye(5)[TRUE], sure(names[TRUE])) == [(1, 2)]
    assert swapped_classes(np.eye(5)[TRUE], sure(TRUE)) == []


def test_a_class_taken_for_another_but_not_the_other_for_it_is_not_exchanged():
    names = np.array([1, 1, 2, 3, 4])
    assert swapped_classes(np.eye(5)[TRUE], sure(names[TRUE])) == []


def test_a_class_of_which_nothing_is_known_is_not_exchanged():
    seen = TRUE[TRUE != 0]
    assert swapped_classes(np.eye(5)[seen], sure(seen)) == []


def test_a_class_whose_majority_is_flipped_is_named_with_what_it_is_called():
    rng = np.random.default_rng(0)
    rates = np.eye(5)
    rates[3] = [0, 0.7, 0, 0.3, 0]
    true = np.repeat(np.arange(5), 400)
    found = flipped_majorities(through(rates, true, rng), sure(true))
    assert [(a, b) for a, b, _ in found] == [(3, 1)]
    assert found[0][2] == pytest.approx(0.7, abs=0.06)


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_labels_of_which_most_are_right_raise_no_alarm(rate):
    true = np.repeat(np.arange(5), 400)
    given = through(pairwise(5, rate), true, np.random.default_rng(0))
    assert flipped_majorities(given, sure(true)) == []


def test_a_draw_a_few_images_and_unsure_ones_are_no_evidence():
    labels = np.repeat([0, 1], 10)
    assert flipped_majorities(labels, sure(np.ones(20, int))) == []  # as many are called 0 as 1
    labels = np.zeros(9, int)
    assert flipped_majorities(labels, sure(np.ones(9, int))) == []
    assert flipped_majorities(np.zeros(10, int), sure(np.ones(10, int))) == [(1, 0, 1.0)]
    assert flipped_majorities(np.zeros(99, int), sure(np.ones(99, int), 0.79)) == []
