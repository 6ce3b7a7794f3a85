import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from winnow.learn.probe import LinearProbe, crossval_pred_probs, others_of


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


def test_of_penalties_that_do_equally_well_the_simplest_is_taken():
    features = np.zeros((60, 4), dtype=np.float32)  # nothing to learn but the classes' shares
    result = crossval_pred_probs(
        features, np.arange(60) % 2, np.arange(60) // 2 % 3, num_classes=2, l2_candidates=[0.1, 1.0]
    )
    assert result.log_loss[0.1] == result.log_loss[1.0] and result.l2 == 1.0


def test_several_splits_are_averaged_and_the_first_chooses_the_penalty():
    features, given, _ = blobs(300, 8, 3, noise=0.3)
    rng = np.random.default_rng(0)
    splits = [rng.permutation(300) % 3, rng.permutation(300) % 3, rng.permutation(300) % 4]
    together = crossval_pred_probs(features, given, splits, num_classes=3, l2_candidates=[0.01, 0.1, 1.0])
    apart = [crossval_pred_probs(features, given, fold, num_classes=3, l2_candidates=[together.l2]) for fold in splits]
    assert together.pred_probs == pytest.approx(np.mean([one.pred_probs for one in apart], axis=0), abs=3e-3)
    alone = crossval_pred_probs(features, given, splits[0], num_classes=3, l2_candidates=[0.01, 0.1, 1.0])
    assert (together.l2, together.log_loss) == (alone.l2, alone.log_loss)
    assert np.abs(together.pred_probs - alone.pred_probs).max() > 0.02
    assert together.accuracy == (together.pred_probs.argmax(axis=1) == given).mean()


def test_models_solved_side_by_side_are_those_solved_alone():
    features, _, _ = blobs(240, 6, 3, noise=0.2)
    probe = LinearProbe(features)
    soft = np.random.default_rng(0).dirichlet([1, 1, 1], (240, 3)).astype(np.float32)  # targets of each model's own
    training = others_of(np.arange(240) % 3)
    together = probe.predict(probe.fit(soft, training, l2=0.1))
    assert together.shape == (240, 3, 3)
    for model in range(3):
        alone = probe.predict(probe.fit(soft[:, model], training[:, [model]], l2=0.1))
        assert together[:, model] == pytest.approx(alone[:, 0], abs=2e-3)


def test_rows_of_twice_the_weight_count_as_two():
    features, given, _ = blobs(100, 4, 2, noise=0.2)
    target = np.eye(2, dtype=np.float32)[given]
    probe = LinearProbe(features)
    weight = np.ones((100, 1), dtype=np.float32)
    weight[:30] = 2
    weight[90:] = 0
    weighted = probe.predict(probe.fit(target, weight, l2=0.1))
    again = LinearProbe(features)
    rows = np.concatenate([np.arange(90), np.arange(30)])
    again.inputs = probe.inputs[rows]
    repeated = again.fit(target[rows], np.ones((120, 1), dtype=bool), l2=0.1)
    assert weighted == pytest.approx(probe.predict(repeated), abs=2e-3)


def test_features_of_more_directions_than_are_kept():
    features, given, _ = blobs(700, 600, 3, noise=0.0, spread=20)
    assert LinearProbe(features).inputs.shape == (700, 513)
    result = crossval_pred_probs(features, given, np.arange(700) % 3, num_classes=3, l2_candidates=[0.1])
    assert result.accuracy > 0.95


@pytest.mark.parametrize("count", [1, 2])
def test_labels_of_one_class_alone(count):
    features, _, _ = blobs(60, 4, 2, noise=0.0)
    given = np.zeros(60, int)
    result = crossval_pred_probs(features, given, np.arange(60) % 3, num_classes=count, l2_candidates=[0.1, 1.0])
    assert result.pred_probs[:, 0].min() > 0.95


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
