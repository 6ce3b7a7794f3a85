"""Outliers planted among classes, and what `score_ood` makes of them."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from detector_data import pairwise, through, unit
from winnow.detect.outliers import DETECTORS
from winnow.detect.outliers.knn import knn_distance
from winnow.detect.outliers.ood import score_ood, tail_excess
from winnow.detect.signals import Detector, Evidence, Score
from winnow.errors import WinnowError

CLASSES = 5
DIMENSIONS = 24
OPTIONS = {"neighbours": 50, "trim": 0.2}


class Planted:
    """Five classes on the sphere, part of them with wrong labels, and outliers with a label drawn at random."""

    def __init__(self, *, inside=1000, diffuse=0, clump=0, noise=0.2, hard=0, spread=0.4, seed=0):
        rng = np.random.default_rng(seed)
        means = rng.normal(size=(CLASSES, DIMENSIONS))
        true = rng.integers(0, CLASSES, inside)
        width = np.full(inside, spread)
        width[:hard] *= 1.6
        centre = rng.normal(size=DIMENSIONS)
        features = np.concatenate(
            [
                means[true] + width[:, None] * rng.normal(size=(inside, DIMENSIONS)),
                rng.normal(size=(diffuse, DIMENSIONS)),
                centre + 0.02 * rng.normal(size=(clump, DIMENSIONS)),
            ]
        )
        count = len(features)
        self.is_ood = np.arange(count) >= inside
        self.hard = np.arange(count) < hard
        self.features = unit(features)
        self.noise_rates = pairwise(CLASSES, noise)
        given = through(self.noise_rates, true, rng)
        given[:hard] = true[:hard]
        self.labels = np.concatenate([given, rng.integers(0, CLASSES, count - inside)])
        # What a good classifier says: sure of what lies in a class, as unsure of the rest as it is far from all.
        logits = 12 * self.features @ unit(means).T
        self.class_probs = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
        self.fold = rng.permutation(count) % 4

    def scores(self, rows=None, *, detectors=DETECTORS, **more):
        rows = np.arange(len(self.labels)) if rows is None else rows
        evidence = Evidence(
            features=self.features[rows],
            labels=self.labels[rows],
            class_probs=self.class_probs[rows],
            noise_rates=self.noise_rates,
            **more,
        )
        return score_ood(evidence, fold=self.fold[rows], l2=0.01, options=OPTIONS, detectors=detectors)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("diffuse", "f1"), [(50, 0.8), (100, 0.85), (150, 0.85)])
def test_planted_diffuse_outliers_are_found(diffuse, f1, seed):
    data = Planted(diffuse=diffuse, seed=seed)
    scores = data.scores()
    assert roc_auc_score(data.is_ood, scores.frame["ood_score"]) > 0.97
    assert f1_score(data.is_ood, scores.frame["is_ood"]) > f1
    assert scores.share == pytest.approx(data.is_ood.mean(), abs=0.05)


def test_the_ensemble_is_as_good_as_its_best_detector():
    data = Planted(diffuse=100, spread=0.5)
    frame = data.scores().frame
    single = [
        roc_auc_score(data.is_ood, frame[c]) for c in ("knn_distance", "mahalanobis_distance", "class_uncertainty")
    ]
    assert min(single) > 0.7, single
    assert roc_auc_score(data.is_ood, frame["ood_score"]) > max(single) - 0.002, single


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_with_no_outliers_nearly_nothing_is_called_one(noise, seed):
    scores = Planted(noise=noise, seed=seed).scores()
    assert scores.frame["is_ood"].mean() < 0.02
    assert scores.share < 0.06


def test_hard_images_of_a_class_are_mostly_spared():
    """Far from the centre of their class, of which they are all the same, as their label says."""
    data = Planted(hard=60, diffuse=60)
    scores = data.scores().frame
    distance = scores["mahalanobis_distance"]
    assert distance[data.hard].median() > 1.2 * distance[~data.hard & ~data.is_ood].median()
    assert scores["is_ood"][data.hard].mean() < 0.1
    assert scores["is_ood"][data.is_ood].mean() > 0.75


@pytest.mark.parametrize("seed", range(3))
def test_a_clump_of_outliers_cannot_hide_behind_one_another(seed):
    data = Planted(clump=30, diffuse=30, seed=seed)
    frame = data.scores().frame
    clump = np.arange(len(frame)) >= len(frame) - 30
    assert frame["is_ood"][clump].mean() > 0.9
    assert roc_auc_score(data.is_ood, frame["ood_score"]) > 0.97


def test_the_label_speaks_by_bayes():
    """Of two twins the one with a label that images of this look never have is the likelier outlier."""
    data = Planted(diffuse=60, noise=0.0)
    likely = data.class_probs.argmax(axis=1)
    twins = np.flatnonzero(~data.is_ood)[::20]
    data.labels[twins] = likely[twins]
    agreeing = data.scores().frame["ood_score"][twins]
    data.labels[twins] = data.class_probs[twins].argmin(axis=1)
    opposed = data.scores().frame["ood_score"][twins]
    assert (opposed > agreeing).all()


def test_zero_shot_is_a_fourth_detector():
    data = Planted(diffuse=60)
    without = data.scores().frame
    with_it = data.scores(in_class_probability=np.where(data.is_ood, 0.1, 0.9).astype(np.float32)).frame
    assert without["in_class_probability"].isna().all() and without["ood_detectors"].between(0, 3).all()
    assert with_it["in_class_probability"].to_numpy() == pytest.approx(np.where(data.is_ood, 0.1, 0.9))
    assert with_it["ood_detectors"].max() == 4
    assert f1_score(data.is_ood, with_it["is_ood"]) >= f1_score(data.is_ood, without["is_ood"])


def test_what_is_called_an_outlier_is_likely_one_and_two_detectors_agree():
    frame = Planted(diffuse=80).scores().frame
    assert frame["ood_score"].between(0, 1).all()
    assert (frame["is_ood"] == ((frame["ood_score"] >= 0.5) & (frame["ood_detectors"] >= 2))).all()
    assert 0 < frame["is_ood"].sum() < len(frame)


def test_distances_to_trusted_neighbours_by_hand_and_capped():
    features = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
    trusted = np.array([True, True, True, False, False])
    # Each trusted image has two neighbours, the others three.
    assert knn_distance(features, trusted, neighbours=1) == pytest.approx([0.2, 0.04, 0.04, 0.2, 1.6], abs=1e-6)
    assert knn_distance(features, trusted, neighbours=50) == pytest.approx([0.4, 0.2, 0.4, 0.4, 1.8], abs=1e-6)


def test_tail_excess_by_hand():
    assert tail_excess(np.array([1.0, 2, 3, 4, 5])) == 0  # even about its median
    # Median 0: two values lie 5 or farther up, none as far down.
    assert tail_excess(np.array([-2.0, -1, -1, 0, 1, 5, 6])) == pytest.approx(2 / 7)
    assert tail_excess(np.array([-9.0, -8, -1, 0, 1, 2, 3])) == 0  # the lower tail is the longer: no excess
    assert tail_excess(np.full(4, 7.0)) == 0


def test_tail_excess_is_the_share_of_what_lies_beyond_an_even_spread():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=9000), rng.normal(6, 1, size=1000)])
    assert tail_excess(values) == pytest.approx(0.1, abs=0.03)
    assert tail_excess(rng.normal(size=9000)) < 0.03


def test_rows_keep_their_scores_in_another_order_and_again():
    data = Planted(inside=600, diffuse=40)
    order = np.random.default_rng(1).permutation(len(data.labels))
    scores, again, moved = data.scores(), data.scores(), data.scores(order)
    assert scores.frame.equals(again.frame) and scores.share == again.share
    assert moved.share == pytest.approx(scores.share, abs=2e-3)
    continuous = ["knn_distance", "mahalanobis_distance", "class_uncertainty"]
    assert moved.frame[continuous].to_numpy() == pytest.approx(scores.frame[continuous].to_numpy()[order], abs=1e-4)
    assert np.abs(moved.frame["ood_score"].to_numpy() - scores.frame["ood_score"].to_numpy()[order]).max() < 0.05
    assert (moved.frame["is_ood"].to_numpy() == scores.frame["is_ood"].to_numpy()[order]).mean() > 0.995


def test_images_that_are_all_alike_can_be_scored():
    same = np.full((60, 8), 8**-0.5, dtype=np.float32)
    evidence = Evidence(
        features=same,
        labels=np.arange(60) % 3,
        class_probs=np.full((60, 3), 1 / 3, dtype=np.float32),
        noise_rates=np.eye(3),
    )
    scores = score_ood(evidence, fold=np.arange(60) // 3 % 3, l2=0.1, options=OPTIONS)
    assert scores.frame["ood_score"].between(0, 1).all()
    assert not scores.frame["is_ood"].any()


@pytest.mark.parametrize("classes", [1, 2])
def test_few_classes_and_few_images(classes):
    rng = np.random.default_rng(0)
    labels = np.arange(12) % classes
    evidence = Evidence(
        features=unit(rng.normal(size=(12, 6)) + 4 * np.eye(6)[labels]),
        labels=labels,
        class_probs=np.eye(classes, dtype=np.float32)[labels],
        noise_rates=np.eye(classes),
    )
    frame = score_ood(evidence, fold=np.arange(12) // 2 % 3, l2=0.1, options=OPTIONS).frame
    assert np.isfinite(frame.drop(columns="in_class_probability").astype(float).to_numpy()).all()
    assert frame["ood_score"].between(0, 1).all()


def test_a_detector_runs_where_what_it_needs_is_there():
    data = Planted(inside=200, diffuse=10)
    features, class_probs = data.features, data.class_probs
    frame = score_ood(
        Evidence(features=features, class_probs=class_probs), fold=data.fold, l2=0.01, options=OPTIONS
    ).frame
    assert frame.columns[:4].tolist() == [detector.name for detector in DETECTORS]
    assert frame["class_uncertainty"].notna().all() and frame["in_class_probability"].isna().all()
    assert frame["ood_detectors"].between(0, 3).all()


def test_unlabelled_images_are_scored_by_their_features_alone():
    rng = np.random.default_rng(0)
    inside, outside = 1 + 0.4 * rng.normal(size=(500, 16)), rng.normal(size=(40, 16))
    features, is_ood = unit(np.concatenate([inside, outside])), np.arange(540) >= 500
    scores = score_ood(Evidence(features=features), fold=rng.permutation(540) % 4, l2=0.01, options=OPTIONS)
    assert scores.frame[["class_uncertainty", "in_class_probability"]].isna().all(axis=None)
    assert roc_auc_score(is_ood, scores.frame["ood_score"]) > 0.95
    assert scores.share == pytest.approx(is_ood.mean(), abs=0.05)


def test_a_detector_of_one_s_own_counts_like_the_others():
    data = Planted(diffuse=60)
    told = np.random.default_rng(0).permutation(len(data.labels)).astype(float)
    own = Detector(Score(name="own", meaning="a rank"), lambda labels: told, needs=("labels",))
    frame = data.scores(detectors=[*DETECTORS, own]).frame
    assert frame["own"].tolist() == told.tolist()
    assert frame["ood_detectors"].max() == 4


def test_a_detector_that_gives_no_number_is_named():
    none = Detector(Score(name="none", meaning="nothing"), lambda labels: labels * np.nan, needs=("labels",))
    with pytest.raises(WinnowError, match="the detector none does not give one finite number per image"):
        Planted(inside=60).scores(detectors=[*DETECTORS, none])
