import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from winnow.detect.probe import crossval_pred_probs


def blobs(count: int, dimensions: int, classes: int, *, noise: float, seed: int = 0, spread: float = 4.0):
    """Features, given labels and true labels of Gaussian classes; a share `noise` of labels goes to the next class."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(classes, dimensions)) * spread / np.sqrt(dimensions)
    true = rng.integers(0, classes, size=count)
    features = (means[true] + rng.normal(size=(count, dimensions))).astype(np.float32)
    given = np.where(rng.random(count) < noise, (true + 1) % classes, true)
    return features, given, true


def test_agrees_with_scikit_learn_on_the_same_objective():
    features, given, _ = blobs(300, 5, 3, noise=0.2)
    fold = np.arange(300) % 3
    ours = crossval_pred_probs(features, given, fold, num_classes=3, l2_candidates=[0.05])
    scaled = features - features.mean(axis=0)
    scaled /= np.sqrt(np.square(scaled).mean())
    for held_out in range(3):
        train = fold != held_out
        reference = LogisticRegression(C=1 / (0.05 * train.sum()), tol=1e-8, max_iter=1000)
        reference.fit(scaled[train], given[train])
        expected = reference.predict_proba(scaled[~train])
        assert ours.pred_probs[~train] == pytest.approx(expected, abs=2e-3)


def test_a_row_never_depends_on_the_labels_of_its_own_fold():
    features, given, _ = blobs(200, 8, 4, noise=0.1)
    fold = np.arange(200) % 4
    before = crossval_pred_probs(features, given, fold, num_classes=4, l2_candidates=[0.1])
    changed = np.where(fold == 2, (given + 1) % 4, given)
    after = crossval_pred_probs(features, changed, fold, num_classes=4, l2_candidates=[0.1])
    same = np.abs(before.pred_probs - after.pred_probs).max(axis=1)
    assert same[fold == 2].max() < 2e-3
    assert same[fold != 2].max() > 0.05


def test_noisy_labels_make_it_choose_a_penalty_and_still_find_the_truth():
    features, given, true = blobs(1500, 200, 5, noise=0.4, spread=8)
    fold = np.arange(1500) % 5
    result = crossval_pred_probs(features, given, fold, num_classes=5, l2_candidates=[1e-4, 1e-2, 1.0])
    assert result.l2 == 1.0 == min(result.log_loss, key=result.log_loss.get)
    assert set(result.log_loss) == {1e-4, 1e-2, 1.0}
    assert result.accuracy == pytest.approx((result.pred_probs.argmax(axis=1) == given).mean())
    assert (result.pred_probs.argmax(axis=1) == true).mean() > 0.9 > (given == true).mean()


def test_probabilities_are_probabilities_even_for_a_class_nobody_has():
    features, given, _ = blobs(120, 6, 3, noise=0.0)
    result = crossval_pred_probs(features, given, np.arange(120) % 2, num_classes=4, l2_candidates=[0.1])
    assert result.pred_probs.shape == (120, 4) and result.pred_probs.dtype == np.float32
    assert result.pred_probs.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert result.pred_probs[:, 3].max() < 0.2


def test_same_bytes_again_and_fast_enough():
    features, given, _ = blobs(8000, 256, 10, noise=0.35)
    fold = np.arange(8000) % 5
    start = time.perf_counter()
    first = crossval_pred_probs(features, given, fold, num_classes=10, l2_candidates=[0.01, 0.1, 1.0])
    assert time.perf_counter() - start < 20
    again = crossval_pred_probs(features, given, fold, num_classes=10, l2_candidates=[0.01, 0.1, 1.0])
    assert first.pred_probs.tobytes() == again.pred_probs.tobytes()
