"""The parts of a drop: they sum to it, and planted causes get their shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.errors import WinnowError
from winnow.shift.leaks import leaked_rows, nearness
from winnow.shift.planted import BLURRED, CASES, plant
from winnow.shift.test_set import TestSet
from winnow.shift.waterfall import Waterfall, waterfall


def taken_apart(case: str, seed: int, rows: int = 1500) -> tuple[Waterfall, float]:
    found = plant(case, rows=rows, train_rows=2000, seed=seed)
    leaked_a, leaked_b = leaked_rows(nearness(found.train, found.a.features, found.b.features), ratio=0.3)
    assert (leaked_a == found.leaked).all() and not leaked_b.any()
    parts = waterfall(found.a, found.b, leaked_a=leaked_a, leaked_b=leaked_b, bootstraps=100, seed=seed)
    assert abs(sum(part.value for part in parts.parts.values()) - parts.drop.value) < 1e-9
    return parts, found.true_part


PART_OF_CASE = {
    "class_shares": "class_shares",
    "one_class": "withheld",
    "all_classes": "withheld",
    "wrong_labels": "wrong_labels",
    "leaks": "leaks",
}


@pytest.mark.parametrize(("case", "part"), PART_OF_CASE.items())
def test_a_planted_cause_gets_its_share(case, part):
    values, true_parts = [], []
    for seed in (0, 1):
        found, true_part = taken_apart(case, seed)
        assert found.named() == [part]
        assert found.parts[part].low <= true_part <= found.parts[part].high
        values.append(found.parts[part].value)
        true_parts.append(true_part)
        if case == "one_class":
            assert found.named_classes()[0] == BLURRED and list(found.withheld) == [BLURRED]
            assert found.by_class[BLURRED].value == found.parts[part].value
            assert "tells the sets apart" in found.withheld[BLURRED]
    assert sum(values) >= 0.8 * sum(true_parts)


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_is_planted_nothing_is_named(seed):
    found, _ = taken_apart("nothing", seed)
    assert found.named() == [] and found.named_classes() == []


def test_every_case_is_tried():
    """By the two tests above."""
    assert set(CASES) == {"nothing", *PART_OF_CASE}


def random_set(rng: np.random.Generator, rows: int, classes: int, with_features: bool) -> TestSet:
    probs = rng.dirichlet(np.ones(classes), size=(2, rows)).astype(np.float32)
    labels = rng.integers(0, classes, rows)
    return TestSet.of_seeds(labels, probs, rng.normal(size=(rows, 3)).astype(np.float32) if with_features else None)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.tuples(st.integers(3, 60), st.integers(3, 60)),
    classes=st.integers(2, 6),
    with_features=st.booleans(),
)
def test_the_parts_sum_to_the_drop_whatever_comes_in(seed, rows, classes, with_features):
    """Also with three rows, classes that a set lacks, and leaked rows."""
    rng = np.random.default_rng(seed)
    a, b = (random_set(rng, size, classes, with_features) for size in rows)
    leaked_a = rng.random(rows[0]) < 0.2
    leaked_a[0] = False
    found = waterfall(a, b, leaked_a=leaked_a, min_class_rows=5, bootstraps=5, seed=0)
    assert abs(found.drop.value - (a.accuracy - b.accuracy)) < 1e-9
    assert abs(sum(part.value for part in found.parts.values()) - found.drop.value) < 1e-9
    inside = sum(found.parts[name].value for name in ("harder", "other_answers", "unseen", "withheld"))
    assert abs(sum(part.value for part in found.by_class.values()) - inside) < 1e-9


@pytest.mark.parametrize("case", ["leaks", "class_shares"])
def test_the_order_of_the_rows_changes_no_part(case):
    found = plant(case, rows=400, train_rows=800, seed=0)
    order = np.random.default_rng(1).permutation(400)

    def turned(test):
        return TestSet(test.labels[order], test.pred_probs[order], test.correct[order], test.features[order])

    part = waterfall(found.a, found.b, leaked_a=found.leaked, bootstraps=2).parts[case].value
    again = waterfall(turned(found.a), turned(found.b), leaked_a=found.leaked[order], bootstraps=2).parts[case].value
    assert abs(part - again) < 0.01 < part


def test_class_shares_by_hand():
    """Class 0 is always right, class 1 never. A holds them 3 to 1, B 1 to 3: the drop of a half is all shares."""
    labels_a, labels_b = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    always_zero = np.tile([1.0, 0.0], (4, 1)).astype(np.float32)
    found = waterfall(
        TestSet.of_seeds(labels_a, always_zero[None]), TestSet.of_seeds(labels_b, always_zero[None]), bootstraps=2
    )
    assert found.drop.value == found.parts["class_shares"].value == 0.5
    assert found.withheld == {0: "there are no features", 1: "there are no features"}


def test_a_set_of_training_rows_alone_is_refused():
    rows = random_set(np.random.default_rng(0), 5, 2, False)
    with pytest.raises(WinnowError, match="every row of set A is a training row; name a test set"):
        waterfall(rows, rows, leaked_a=np.ones(5, bool))


def test_sets_that_do_not_fit_their_predictions_are_refused():
    probs = np.full((1, 3, 2), 0.5, dtype=np.float32)
    with pytest.raises(WinnowError, match="number the classes from 0"):
        TestSet.of_seeds(np.array([0, 1, 2]), probs)
    with pytest.raises(WinnowError, match="has no rows"):
        TestSet.of_seeds(np.empty(0, dtype=int), probs[:, :0])
    with pytest.raises(WinnowError, match="give one of each per row"):
        TestSet(np.array([0, 1]), probs[0], np.ones(3))


def test_constant_features_hide_no_leak_and_are_no_leak():
    rows = np.ones((30, 4), dtype=np.float32)
    assert not np.concatenate(leaked_rows(nearness(rows, rows[:5], rows[:5]), ratio=0.3)).any()


@pytest.mark.parametrize("noise", [0, 1e-5])
def test_copies_are_found_where_most_rows_of_both_sets_are(noise):
    """The median row of both sets lies at distance 0, or what rounding leaves of it."""
    rng = np.random.default_rng(0)
    train, sets, copies = rng.normal(size=(400, 16)), [], []
    for share in (0.6, 0.8):
        rows, copied = rng.normal(size=(100, 16)), np.arange(100) < 100 * share
        rows[copied] = train[:100][copied] + rng.normal(0, noise, size=(copied.sum(), 16))
        sets.append(rows)
        copies.append(copied)
    leaked = leaked_rows(nearness(train, *sets), ratio=0.3)
    assert np.array_equal(leaked, copies)


def test_rows_that_are_alike_by_nature_are_no_copies():
    """Every training row is there five times but for rounding, as rows of few categories are."""
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(40, 8))
    train = np.repeat(kinds, 5, axis=0) + rng.normal(0, 1e-5, size=(200, 8))
    assert not np.concatenate(leaked_rows(nearness(train, kinds, train), ratio=0.3)).any()


def test_the_only_training_row_says_nothing_of_what_is_usual():
    row = np.ones((1, 4))
    assert nearness(row, row)[0].usual == 0


def test_rows_in_a_dense_clump_are_no_copies_and_copies_in_it_are():
    """As features of a network lie: half of the rows in clumps a hundred times narrower than the rest."""
    rng = np.random.default_rng(0)

    def drawn(count):
        rows = rng.normal(size=(count, 16))
        rows[: count // 3] = 3 + rows[: count // 3] / 100
        return rows.astype(np.float32)

    train, test = drawn(900), drawn(300)
    test[:5] = train[:5] + rng.normal(0, 1e-4, size=(5, 16))
    (leaked,) = leaked_rows(nearness(train, test), ratio=0.3)
    assert leaked[:5].all() and leaked.sum() == 5


def test_a_blurred_class_is_withheld_among_small_classes_too():
    """No class has the 400 rows that it would need to be compared by itself."""
    found = plant("one_class", rows=1500, train_rows=1000, seed=0)
    parts = waterfall(found.a, found.b, min_class_rows=400, bootstraps=50)
    assert list(parts.withheld) == [BLURRED] and parts.auc[BLURRED] > 0.9
    assert parts.named() == ["withheld"]
