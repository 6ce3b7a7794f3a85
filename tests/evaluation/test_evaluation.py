"""Balanced accuracy, the course's summary text, and the figures over arms, splits and seeds, all computed by hand."""

import json

import numpy as np
import pytest

from winnow import tables
from winnow.errors import WinnowError
from winnow.evaluation.evaluate import evaluate
from winnow.evaluation.predict import by_seed
from winnow.evaluation.predictions import predictions_table
from winnow.evaluation.summary import summary
from winnow.metrics import balanced_accuracy, confusion_matrix, per_class_recall

# Class 0: 3 of 4 right; class 1: 1 of 2; class 2: 0 of 1; class 3 has no image but is predicted once.
LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTIONS = np.array([0, 0, 0, 1, 1, 3, 0])


def test_confusion_matrix_by_hand():
    expected = [[3, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(confusion_matrix(LABELS, PREDICTIONS, num_classes=4), expected)


def test_recall_and_balanced_accuracy_by_hand():
    np.testing.assert_allclose(per_class_recall(LABELS, PREDICTIONS, num_classes=4), [0.75, 0.5, 0, np.nan])
    assert balanced_accuracy(LABELS, PREDICTIONS, num_classes=4) == pytest.approx((0.75 + 0.5 + 0) / 3)


def test_balanced_accuracy_agrees_with_scikit_learn():
    from sklearn.metrics import balanced_accuracy_score

    rng = np.random.default_rng(0)
    labels = rng.choice(10, size=500, p=np.arange(1, 11) / 55)
    predictions = np.where(rng.random(500) < 0.5, labels, rng.integers(0, 10, 500))
    expected = balanced_accuracy_score(labels, predictions)
    assert balanced_accuracy(labels, predictions, num_classes=10) == pytest.approx(expected, abs=1e-12)


def test_copies_of_one_class_change_nothing():
    more = np.concatenate([LABELS, np.repeat(LABELS[4:6], 50)]), np.concatenate([PREDICTIONS, [1, 3] * 50])
    repeated = balanced_accuracy(np.sort(more[0]), more[1][np.argsort(more[0], kind="stable")], num_classes=4)
    assert repeated == pytest.approx(balanced_accuracy(LABELS, PREDICTIONS, num_classes=4))


def test_constant_prediction_is_chance():
    assert balanced_accuracy(np.arange(5), np.zeros(5, int), num_classes=5) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1], [0], "must both be"),
        ([0, 4], [0, 1], r"labels must lie in \[0, 4\), found 0 to 4"),
        ([0, 1], [0, -1], r"predictions must lie in \[0, 4\), found -1 to 0"),
        ([], [], "at least one image"),
    ],
)
def test_faulty_arrays_are_named(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        balanced_accuracy(np.array(labels, dtype=int), np.array(predictions, dtype=int), num_classes=4)


def test_summary_is_in_the_course_form_worst_class_first():
    assert summary(np.array([0.9, 0.05, np.nan, 0.05, 1.0]), ["cat", "guinea pig", "wolf", "lynx", "jaguar"]) == (
        "Final Balanced Accuracy: 50.00%\n"
        "  guinea pig      5.00%\n"
        "  lynx            5.00%\n"
        "  cat            90.00%\n"
        "  jaguar        100.00%\n"
        "  wolf        no images"
    )
    assert summary(np.array([0.3622]), ["a"]).splitlines()[0] == "Final Balanced Accuracy: 36.22%"


def test_evaluate_by_hand(tmp_path):
    names = ["a", "b", "c"]
    labels = {"validation": np.array([0, 1, 2]), "test": np.array([0, 0, 1, 1])}
    predictions = {
        ("baseline", "validation"): np.array([[0, 0, 0], [0, 1, 0]]),  # 1/3 and 2/3
        ("baseline", "test"): np.array([[0, 1, 0, 0], [0, 0, 0, 0]]),  # recall 1/2, 0 and 1, 0
        ("submission", "validation"): np.array([[0, 1, 2], [0, 1, 2]]),
        ("submission", "test"): np.array([[0, 0, 1, 2], [0, 0, 1, 1]]),  # recall 1, 1/2 and 1, 1
    }
    result = evaluate(predictions, labels, class_names=names)
    assert result.metrics["baseline"]["test"] == {
        "balanced_accuracy": pytest.approx((0.25 + 0.5) / 2),
        "balanced_accuracy_std": pytest.approx(np.std([0.25, 0.5], ddof=1)),
        "seeds": 2,
        "images": 4,
        "per_class": {"a": 0.75, "b": 0.0},  # no test image of class c
    }
    assert result.metrics["submission"]["validation"]["balanced_accuracy_std"] == 0
    assert result.metrics["improvement"] == {
        "validation": pytest.approx(0.5),
        "test": pytest.approx((0.75 + 1) / 2 - 0.375),
    }

    rows = result.per_class.query("arm == 'baseline' and split == 'test'")
    assert rows["class"].tolist() == names
    assert rows["images"].tolist() == [2, 2, 0]
    np.testing.assert_allclose(rows["recall"], [0.75, 0, np.nan])
    np.testing.assert_allclose(result.recall["baseline", "test"], [0.75, 0, np.nan])
    rows = result.predictions.query("arm == 'submission' and split == 'test'")
    assert rows["actual"].tolist() == ["a", "a", "b", "b"]
    assert rows["predicted"].tolist() == ["a", "a", "b", "c"]  # the first seed
    assert len(result.per_class) == 4 * 3
    assert len(result.predictions) == 2 * (3 + 4)

    tables.write_json(tmp_path / "evaluation.json", result.metrics)  # refuses NaN
    assert json.loads((tmp_path / "evaluation.json").read_text())["submission"]["test"]["seeds"] == 2


def test_predictions_table_by_hand():
    table = predictions_table(
        {"validation": np.array([[0, 1], [1, 1]]), "test": np.array([[1, 0], [0, 0]])},
        {"validation": np.array([0, 1]), "test": np.array([1, 1])},
        {"validation": np.array(["v2", "v1"]), "test": np.array(["t1", "t2"])},
        seeds=[0, 10],
        class_names=["a", "b"],
        leaks={"test": np.array([False, True])},
    )
    assert table.to_numpy().tolist() == [
        ["test", "t1", 0, "b", "b", "a"],
        ["test", "t2", 1, "b", "a", "a"],
        ["validation", "v1", 0, "b", "b", "b"],
        ["validation", "v2", 0, "a", "a", "b"],
    ]
    assert table.columns.tolist() == ["split", "image_id", "leaks", "label", "seed-0", "seed-10"]
    with pytest.raises(ValueError, match="2 rows of predictions on the test split, but 1 seeds"):
        predictions_table({"test": np.zeros((2, 1), int)}, {}, {}, seeds=[0], class_names=["a"], leaks={})


def test_networks_come_in_the_order_of_their_seeds(tmp_path):
    for seed in (10, 2):
        (tmp_path / f"seed-{seed}.safetensors").touch()
    assert {seed: path.name for seed, path in by_seed(tmp_path).items()} == {
        2: "seed-2.safetensors",
        10: "seed-10.safetensors",
    }
    with pytest.raises(WinnowError, match="x holds no model"):
        by_seed(tmp_path / "x")


def test_one_seed_has_no_spread_and_one_arm_no_improvement():
    predictions = {("submission", "validation"): np.array([[0, 1]])}
    result = evaluate(predictions, {"validation": np.array([0, 0])}, class_names=["a", "b"])
    assert result.metrics == {
        "submission": {
            "validation": {"balanced_accuracy": 0.5, "seeds": 1, "images": 2, "per_class": {"a": 0.5}},
        }
    }
