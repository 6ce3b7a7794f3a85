"""Which images others are valued by, by hand."""

import numpy as np
import pandas as pd

from winnow.detect.valuation.reference import choose_reference, of_other_groups


def images(*rows: tuple[str, int, int, float, bool, bool]) -> pd.DataFrame:
    columns = ["image_id", "label", "duplicate_group", "label_quality_score", "signals_agree", "is_ood"]
    return pd.DataFrame(rows, columns=columns)


TEN = [(f"a{place}", 0, place, 0.5 + place / 100, True, False) for place in range(10)]


def test_the_cleanest_of_each_class_are_the_reference():
    table = images(
        *TEN,
        ("b0", 1, 20, 0.9, True, False),
        ("b1", 1, 21, 0.99, False, False),  # a source disagrees
        ("b2", 1, 22, 0.98, True, True),  # an outlier
        ("b3", 1, 20, 0.95, True, False),  # a copy of b0, and better
    )
    chosen = choose_reference(table, pd.Series(dtype=np.int64), set(), per_class=5)
    assert chosen.to_dict() == {"a9": 0, "a8": 0, "b3": 1}  # at most a fifth of a class, and one at least


def test_what_people_confirmed_goes_first_with_their_label_and_no_copy_of_it_joins():
    table = images(*TEN, *((f"b{place}", 1, 20, 0.9, True, False) for place in range(5)))
    confirmed = pd.Series({"a0": 0, "a1": 0, "b0": 0, "photo": 1})  # of no image of the dataset is the last
    chosen = choose_reference(table, confirmed, set(), per_class=5)
    assert chosen.to_dict() == {"a0": 0, "a1": 0, "b0": 0}  # all of class 1 are copies of b0


def test_what_people_rejected_is_never_of_the_reference():
    chosen = choose_reference(images(*TEN), pd.Series({"a3": 0}), {"a3", "a9"}, per_class=2)
    assert chosen.to_dict() == {"a8": 0, "a7": 0}


def test_a_class_keeps_pictures_to_be_learned_from():
    lone, pair = [("b0", 1, 20, 0.9, True, False)], [("c0", 2, 30, 0.9, True, False), ("c1", 2, 31, 0.8, True, False)]
    copies = [(f"d{place}", 3, 40, 0.9, True, False) for place in range(5)]
    chosen = choose_reference(images(*lone, *pair, *copies), pd.Series(dtype=np.int64), set(), per_class=5)
    assert chosen.to_dict() == {"c0": 2}


def test_copies_of_the_reference_are_not_valued():
    inside = np.array([True, False, False, False])
    assert of_other_groups(np.array([3, 3, 4, 5]), inside).tolist() == [False, False, True, True]
