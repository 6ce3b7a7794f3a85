"""What people found of labels: replayed row by row, and a measured part of the drop."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.errors import WinnowError
from winnow.shift.checked import checked_rows, row_digests, row_names
from winnow.shift.planted import plant
from winnow.shift.test_set import TestSet
from winnow.shift.waterfall import waterfall

NOTHING = np.empty((0, 0), dtype=np.float16)


def verdicts(*rows):
    columns = ["image_id", "action", "label", "reviewer", "reason"]
    return pd.DataFrame([(*row, "ada", "") for row in rows], columns=columns).astype({"label": np.int64})


def probs(*answers, classes=3):
    """One seed's probabilities of rows that are answered so."""
    return np.eye(classes, dtype=np.float32)[list(answers)][None]


def test_verdicts_reach_the_rows_that_they_name_and_no_others():
    said = verdicts(("b:x", "keep", -1), ("b:y", "relabel", 2), ("b:z", "drop", -1), ("a:w", "drop", -1))
    found = checked_rows(said, "b", ["w", "x", "y", "z"], np.array([0, 1, 1, 0]))
    assert found.labels.tolist() == [0, 1, 2, 0]
    assert found.seen.tolist() == [False, True, True, True]
    assert found.wrong.tolist() == [False, False, True, True] and found.removed.tolist() == [False] * 3 + [True]
    assert found.reviewer.tolist() == ["", "ada", "ada", "ada"]
    assert found.counts() == {"judged": 3, "right": 1, "wrong": 2, "of_no_class": 1}
    assert checked_rows(verdicts(("a:w", "drop", -1)), "b", ["w"], np.array([0])) is None
    with pytest.raises(WinnowError, match="every row of set A was judged to be of no class"):
        checked_rows(said, "a", ["w"], np.array([0]))


def test_a_label_that_is_confirmed_by_its_own_name_is_right():
    assert checked_rows(verdicts(("b:x", "relabel", 1)), "b", ["x"], np.array([1])).counts()["right"] == 1


def test_a_row_of_a_table_goes_by_its_features_and_an_image_by_its_name():
    features = {"a": np.arange(4, dtype=np.float16).reshape(2, 2), "b": np.zeros((1, 2), dtype=np.float16)}
    rows = {
        "a": pd.DataFrame({"row": ["row_00000000", "row_00000001"], "name": ""}),
        "b": pd.DataFrame({"row": ["img_x"], "name": ["x.png"], "picture": [b"png"]}),
    }
    found = row_digests(rows, features, {"a": np.zeros(2, int), "b": np.zeros(1, int)})
    assert found == {
        "a:row_00000000": hashlib.sha256(features["a"][0].tobytes()).hexdigest(),
        "a:row_00000001": hashlib.sha256(features["a"][1].tobytes()).hexdigest(),
        "b:img_x": "",
    }
    none = pd.DataFrame({"row": [], "name": []})
    assert row_names(none, 2) == ["row_00000000", "row_00000001"]
    labels = {"a": np.zeros(1, int), "b": np.zeros(1, int)}
    found = row_digests({"a": none, "b": none}, {"a": NOTHING, "b": NOTHING}, labels)
    assert found == {"a:row_00000000": "", "b:row_00000000": ""}, "predictions alone have no features"


def test_the_part_of_labels_that_people_corrected_by_hand():
    """A: all right. B: 2 of 4 right as given; the second is another class, answered so; the fourth is of no class."""
    a = TestSet.of_seeds(np.array([0, 0, 1, 1]), probs(0, 0, 1, 1))
    given_labels = np.array([0, 0, 1, 1])
    said = verdicts(("b:r1", "relabel", 1), ("b:r3", "drop", -1), ("b:r0", "keep", -1))
    checked = checked_rows(said, "b", [f"r{place}" for place in range(4)], given_labels)
    b = TestSet.of_seeds(given_labels, probs(0, 1, 1, 0), checked=checked)
    assert b.accuracy == 0.5 and b.correct.tolist() == [1, 1, 1, 0] and b.as_given.tolist() == [1, 0, 1, 0]
    left = b.without_removed()
    assert left.labels.tolist() == [0, 1, 1] and left.accuracy == 1
    found = waterfall(a, b, bootstraps=5)
    parts = {name: part.value for name, part in found.parts.items()}
    assert found.drop.value == 0.5 and parts.pop("wrong_labels") == 0.5
    assert set(parts.values()) == {0.0}
    assert found.label_errors_b.tolist() == [0, 1, 0, 1] and found.suggested_b.tolist() == [0, 1, 1, 1]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(3, 50), share=st.floats(0, 1), with_features=st.booleans())
def test_the_parts_sum_to_the_drop_whatever_people_said(seed, size, share, with_features):
    rng = np.random.default_rng(seed)

    def drawn(which):
        labels, answers = rng.integers(0, 3, size), rng.dirichlet(np.ones(3), size=(2, size)).astype(np.float32)
        names = [str(place) for place in range(size)]
        actions = rng.choice(["keep", "relabel", "drop"], size)
        said = [
            (f"{which}:{place}", actions[place], int(rng.integers(3)) if actions[place] == "relabel" else -1)
            for place in np.flatnonzero(rng.random(size) < share)
            if place
        ]
        features = rng.normal(size=(size, 2)).astype(np.float32) if with_features else None
        checked = checked_rows(verdicts(*said), which, names, labels)
        return TestSet.of_seeds(labels, answers, features, checked), (answers.argmax(axis=2) == labels).mean()

    (a, of_a), (b, of_b) = drawn("a"), drawn("b")
    found = waterfall(a, b, min_class_rows=5, bootstraps=3)
    assert abs(found.drop.value - (of_a - of_b)) < 1e-9, "the drop is that of the labels as given"
    assert abs(sum(part.value for part in found.parts.values()) - found.drop.value) < 1e-9


def test_what_people_judged_is_a_fact_and_what_they_did_not_is_estimated():
    """8 % of B's labels are wrong. The 30 most suspected are judged, and then all that are suspected, and all rows.

    Who judges the worst first must not make the rest look clean, nor as bad as what was judged.
    """
    clean, found = (plant(case, rows=1200, train_rows=1500, seed=0) for case in ("nothing", "wrong_labels"))
    truth, names = clean.b.labels, [str(place) for place in range(1200)]
    wrong = found.b.labels != truth
    assert wrong.sum() == 96

    def part(places):
        said = verdicts(*((f"b:{place}", "relabel", truth[place]) for place in places))
        checked = checked_rows(said, "b", names, found.b.labels)
        b = TestSet.of_seeds(found.b.labels, found.b.pred_probs[None], found.b.features, checked)
        return b, waterfall(found.a, b, bootstraps=60)

    _, nobody = part([])
    order = np.argsort(-nobody.label_errors_b, kind="stable")
    widths = [nobody.parts["wrong_labels"].high - nobody.parts["wrong_labels"].low]
    for count in (30, int((nobody.label_errors_b >= 0.5).sum()), 1200):
        b, some = part(order[:count])
        assert (some.label_errors_b[b.seen] == wrong[b.seen]).all()
        assert some.label_errors_b[~b.seen].sum() == pytest.approx(wrong[~b.seen].sum(), rel=0.2)
        assert some.drop.value == nobody.drop.value
        widths.append(some.parts["wrong_labels"].high - some.parts["wrong_labels"].low)
    assert widths == sorted(widths, reverse=True)
    measured = float(b.correct.mean() - b.as_given.mean())
    assert some.parts["wrong_labels"].value == pytest.approx(measured, abs=0.01), "less A's own few"
