import numpy as np
import pytest

from winnow.detect.folds import stratified_group_folds
from winnow.detect.label_issues import knn_vote, score_labels, swapped_classes, true_class_probs
from winnow.detect.neighbours import nearest_neighbours
from winnow.detect.probe import crossval_pred_probs


def unit(features):
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def planted(rates: np.ndarray, count: int = 1500, dimensions: int = 24, seed: int = 0):
    """Blob features, true labels, and labels given through the noise matrix `rates` (true, given)."""
    rng = np.random.default_rng(seed)
    classes = len(rates)
    true = rng.integers(0, classes, size=count)
    means = rng.normal(size=(classes, dimensions))
    features = unit(means[true] + rng.normal(scale=0.45, size=(count, dimensions)))
    given = (rng.random(count)[:, None] > rates.cumsum(axis=1)[true]).sum(axis=1)
    fold = stratified_group_folds(given, np.arange(count), folds=5, seed=seed)
    pred_probs = crossval_pred_probs(features, given, fold, num_classes=classes, l2_candidates=[0.03]).pred_probs
    return features, true, given, pred_probs


def pairwise(classes: int, rate: float) -> np.ndarray:
    return (1 - rate) * np.eye(classes) + rate * np.roll(np.eye(classes), 1, axis=1)


def f1(flagged: np.ndarray, wrong: np.ndarray) -> float:
    return 2 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum())


def test_neighbours_by_hand_without_themselves_and_ties_in_order():
    features = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8], [1, 0]], dtype=np.float32)
    similarity, index = nearest_neighbours(features, k=3)
    assert index.tolist() == [[2, 4, 3], [3, 0, 2], [0, 4, 3], [1, 0, 2], [0, 2, 3]]
    assert similarity[3] == pytest.approx([0.8, 0.6, 0.6])
    similarity, index = nearest_neighbours(features, k=9, queries=np.array([[0, 1]], dtype=np.float32))
    assert index.tolist() == [[1, 3, 0, 2, 4]]


def test_an_image_with_many_exact_copies_is_still_not_its_own_neighbour():
    features = np.repeat(unit(np.random.default_rng(0).normal(size=(3, 8))), 30, axis=0)
    similarity, index = nearest_neighbours(features, k=5)
    assert index.shape == (90, 5)
    assert (index != np.arange(90)[:, None]).all()
    assert (index // 30 == np.arange(90)[:, None] // 30).all()
    assert similarity == pytest.approx(1)
    assert nearest_neighbours(features, k=500)[1].shape == (90, 89)


def test_vote_is_weighted_by_similarity_and_duplicates_abstain():
    features = np.array([[1, 0], [1, 0], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)
    labels = np.array([0, 1, 2, 0])
    vote = knn_vote(labels, features, neighbours=2, num_classes=3)
    assert vote[0] == pytest.approx([0, 1 / 1.8, 0.8 / 1.8])
    vote = knn_vote(labels, features, neighbours=2, num_classes=3, groups=np.array([7, 7, 8, 9]))
    assert vote[0] == pytest.approx([0.6 / 1.4, 0, 0.8 / 1.4])
    alone = knn_vote(labels, features, neighbours=2, num_classes=3, groups=np.zeros(4))
    assert alone == pytest.approx(np.full((4, 3), 1 / 3))


def test_deconvolution_undoes_a_known_channel():
    rates = pairwise(4, 0.4)
    rng = np.random.default_rng(0)
    true = np.repeat(np.arange(4), 500)
    given = (rng.random(2000)[:, None] > rates.cumsum(axis=1)[true]).sum(axis=1)
    corrected = true_class_probs(given, rates[true])
    assert corrected.sum(axis=1) == pytest.approx(1)
    assert corrected[np.arange(2000), true].min() > 0.95


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.4])
def test_planted_noise_is_found_at_the_same_threshold_whatever_its_rate(rate):
    features, true, given, pred_probs = planted(pairwise(5, rate))
    scores = score_labels(given, pred_probs, features, neighbours=20)
    wrong = given != true
    assert f1(scores["label_quality_score"].to_numpy() < 0.3, wrong) > 0.9
    assert f1(scores["is_label_issue"].to_numpy(), wrong) > 0.85
    confident = wrong & (scores["suggested_confidence"] >= 0.7) & (scores["agreeing_sources"] == 2)
    assert confident.sum() > 0.6 * wrong.sum()
    assert (scores["suggested_label"] == true)[confident].mean() > 0.97
    assert wrong[scores["signals_agree"]].mean() < rate / 5


def test_columns_ranges_and_determinism():
    features, _, given, pred_probs = planted(pairwise(4, 0.3), count=400)
    scores = score_labels(given, pred_probs, features, neighbours=10)
    for column in ("label_quality_score", "suggested_confidence", "knn_label_agreement"):
        assert scores[column].between(0, 1).all()
    assert scores["zero_shot_label_agreement"].isna().all()
    assert (scores["sources"] == 2).all() and scores["agreeing_sources"].between(0, 2).all()
    best = scores["suggested_label"] == given
    assert (scores["label_quality_score"][best] == scores["suggested_confidence"][best]).all()
    assert (scores["label_quality_score"][~best] < scores["suggested_confidence"][~best]).all()
    assert scores.equals(score_labels(given, pred_probs, features, neighbours=10))


def test_zero_shot_is_a_third_voice_and_rescues_a_class_that_is_mostly_mislabelled():
    rates = np.eye(4)
    rates[0, :2] = 0.3, 0.7
    features, true, given, pred_probs = planted(rates)
    zero_shot = (0.85 * np.eye(4)[true] + 0.05).astype(np.float32)
    without = score_labels(given, pred_probs, features, neighbours=20)
    with_it = score_labels(given, pred_probs, features, neighbours=20, zero_shot_pred_probs=zero_shot)
    lost = (true == 0) & (given == 1)
    assert (with_it["sources"] == 3).all()
    assert with_it["zero_shot_label_agreement"].to_numpy() == pytest.approx(zero_shot[np.arange(len(given)), given])
    found = [(scores["label_quality_score"] < 0.3)[lost].mean() for scores in (without, with_it)]
    assert found[1] > found[0] + 0.2
    assert (with_it["suggested_label"] == 0)[lost].mean() > 0.95


def test_exchanged_class_names_are_noticed():
    true = np.repeat(np.arange(5), 20)
    names = np.array([0, 2, 1, 3, 4])
    assert swapped_classes(np.eye(5)[true], np.eye(5)[names[true]]) == [(1, 2)]
    assert swapped_classes(np.eye(5)[true], np.eye(5)[true]) == []
