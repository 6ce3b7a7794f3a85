"""Classifiers on features: they learn, repeat, stop early and read memory maps."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from winnow.errors import WinnowError
from winnow.shift.classifier import Settings, train_classifier

LOGISTIC = {
    "hidden": [],
    "dropout": 0.0,
    "learning_rate": 0.02,
    "weight_decay": 0.0,
    "epochs": 30,
    "batch_size": 64,
    "validation_share": 0.2,
    "patience": 5,
}


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    features = rng.normal(size=(900, 6)) + 1.2 * np.eye(6)[labels] * 2
    features[:, 5] = 7.0  # constant
    return features.astype(np.float16), labels


def accuracy(fitted, rows):
    return (fitted.predict(rows[0][600:]).argmax(axis=1) == rows[1][600:]).mean()


def trained(rows, seed=0, **changes):
    return train_classifier(
        rows[0][:600], rows[1][:600], num_classes=3, settings=Settings(**(LOGISTIC | changes)), seed=seed
    )


def test_logistic_regression_is_as_good_as_scikit_learns(rows):
    theirs = LogisticRegression().fit(rows[0][:600].astype(float), rows[1][:600])
    expected = theirs.score(rows[0][600:].astype(float), rows[1][600:])
    assert abs(accuracy(trained(rows), rows) - expected) < 0.03


def test_a_perceptron_learns_what_no_line_parts():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(900, 2)).astype(np.float32)
    rows = features, (features[:, 0] * features[:, 1] > 0).astype(int)
    assert accuracy(trained(rows), rows) < 0.65
    assert accuracy(trained(rows, hidden=[32], dropout=0.1), rows) > 0.9


def test_the_same_seed_gives_the_same_bytes_and_a_memory_map_too(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows[0])
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r"), rows[1]
    first, second = trained(rows, hidden=[8], dropout=0.2), trained(mapped, hidden=[8], dropout=0.2)
    assert first.predict(rows[0]).tobytes() == second.predict(rows[0]).tobytes()
    assert trained(rows, seed=1).predict(rows[0]).tobytes() != trained(rows).predict(rows[0]).tobytes()


def test_training_stops_when_patience_is_over_and_keeps_the_best_epoch(rows):
    fitted = trained(rows, epochs=200, learning_rate=0.5, patience=3)
    best = fitted.curve["validation_loss"].idxmin()
    assert len(fitted.curve) == best + 1 + 3 < 200
    probs = fitted.predict(rows[0][fitted.held_out])
    loss = -np.log(probs[np.arange(len(probs)), rows[1][fitted.held_out]]).mean()
    assert loss == pytest.approx(fitted.curve["validation_loss"].min(), abs=1e-5)


def test_too_few_rows_are_refused():
    with pytest.raises(WinnowError, match="2 training rows are too few to hold out"):
        train_classifier(np.ones((2, 2)), np.array([0, 1]), num_classes=2, settings=Settings(**LOGISTIC), seed=0)
