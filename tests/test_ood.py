import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from winnow.detect.ood import mahalanobis_distance, robust_z, score_ood


def unit(features):
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def planted(clump: int, diffuse: int, seed: int = 0):
    """600 images of 4 classes, a tight clump of outliers and diffuse ones, each guessed to be of some class."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(4, 32))
    classes = np.repeat(np.arange(4), 150)
    inside = means[classes] + rng.normal(scale=0.3, size=(600, 32))
    strange = rng.normal(size=32) + rng.normal(scale=0.1, size=(clump, 32))
    features = unit(np.concatenate([inside, strange, rng.normal(size=(diffuse, 32))]))
    guessed = np.concatenate([classes, np.zeros(clump, int), rng.integers(0, 4, size=diffuse)])
    is_ood = np.arange(len(features)) >= 600
    return features, np.eye(4, dtype=np.float32)[guessed], is_ood


def test_robust_z_by_hand():
    assert robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])) == pytest.approx(np.array([-2, -1, 0, 1, 97]) / 1.4826)
    assert robust_z(np.full(4, 7.0)).tolist() == [0, 0, 0, 0]


def test_knn_distance_by_hand_and_capped():
    features = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    pred_probs = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    nearest = score_ood(features, pred_probs, neighbours=1, trim=0.0)
    assert nearest["knn_distance"].to_numpy() == pytest.approx([0.2, 0.2, 0.4])
    farthest = score_ood(features, pred_probs, neighbours=50, trim=0.0)
    assert farthest["knn_distance"].to_numpy() == pytest.approx([1.0, 0.4, 1.0])


def test_planted_outliers_in_a_clump_and_diffuse_come_first():
    features, pred_probs, is_ood = planted(clump=25, diffuse=25)
    scores = score_ood(features, pred_probs, neighbours=50, trim=0.2)
    for column in scores:
        assert roc_auc_score(is_ood, scores[column]) > 0.98, column
    assert (scores["ood_score"][is_ood] > 3).all()
    assert (scores["ood_score"][~is_ood] > 3).mean() < 0.02


def test_a_neighbour_within_the_clump_misses_it():
    features, pred_probs, is_ood = planted(clump=25, diffuse=0)
    near = score_ood(features, pred_probs, neighbours=5, trim=0.2)["knn_distance"]
    far = score_ood(features, pred_probs, neighbours=50, trim=0.2)["knn_distance"]
    assert roc_auc_score(is_ood, near) < 0.5 < 0.99 < roc_auc_score(is_ood, far)


def test_trimming_keeps_outliers_out_of_the_class_they_are_guessed_to_be():
    features, pred_probs, is_ood = planted(clump=25, diffuse=0)
    classes = pred_probs.argmax(axis=1)
    untrimmed = mahalanobis_distance(features, classes, trim=0.0)
    trimmed = mahalanobis_distance(features, classes, trim=0.2)
    apart = [distance[is_ood].mean() / np.median(distance[~is_ood]) for distance in (untrimmed, trimmed)]
    assert apart[1] > 1.2 * apart[0]


def test_mahalanobis_counts_in_standard_deviations_of_the_classes():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 2)) * [1.0, 0.1]
    features[0], features[1] = [3.0, 0.0], [0.0, 0.3]
    distance = mahalanobis_distance(features, np.zeros(4000, int), trim=0.0)
    assert distance[:2] == pytest.approx([3, 3], rel=0.1)


def test_rows_keep_their_scores_in_another_order_and_again():
    features, pred_probs, _ = planted(clump=5, diffuse=5)
    order = np.random.default_rng(1).permutation(len(features))
    scores = score_ood(features, pred_probs, neighbours=20, trim=0.2)
    assert scores.equals(score_ood(features, pred_probs, neighbours=20, trim=0.2))
    moved = score_ood(features[order], pred_probs[order], neighbours=20, trim=0.2)
    assert moved.to_numpy() == pytest.approx(scores.to_numpy()[order], abs=1e-4)
