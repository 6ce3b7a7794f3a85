"""Label errors planted in overlapping classes, and what `score_labels` makes of them."""

import json

import numpy as np
import pytest
import torch
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score, f1_score

from detector_data import pairwise, through, uniform, unit
from winnow.detect.labels import label_issues
from winnow.detect.labels.label_issues import score_labels
from winnow.detect.labels.vote import knn_vote, neighbourhood
from winnow.detect.signals import Evidence
from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import LinearProbe, crossval_pred_probs

L2 = 0.03


class Planted:
    """Blobs on the sphere whose labels went through a noise matrix."""

    def __init__(self, rates, *, count=1000, dimensions=16, spread=0.6, seed=0, groups=None, shares=None):
        rng = np.random.default_rng(seed)
        self.classes = len(rates)
        self.true = rng.choice(self.classes, count, p=shares)
        means = rng.normal(size=(self.classes, dimensions))
        self.features = unit(means[self.true] + rng.normal(scale=spread, size=(count, dimensions)))
        self.given = through(rates, self.true, rng)
        self.wrong = self.given != self.true
        self.groups = groups
        self.fold = self.split(seed)

    def split(self, seed):
        groups = np.arange(len(self.given)) if self.groups is None else self.groups
        return stratified_group_folds(self.given, groups, folds=3, seed=seed)

    def pred_probs(self):
        return crossval_pred_probs(
            self.features, self.given, self.fold, num_classes=self.classes, l2_candidates=[L2]
        ).pred_probs

    def scores(self, *, pred_probs=None, labels=None, zero_shot_pred_probs=None, **options):
        evidence = Evidence(
            features=self.features,
            labels=self.given if labels is None else labels,
            pred_probs=self.pred_probs() if pred_probs is None else pred_probs,
            zero_shot_pred_probs=zero_shot_pred_probs,
        )
        return score_labels(
            evidence, **({"fold": self.fold, "l2": L2, "neighbours": 15, "groups": self.groups} | options)
        )


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.4])
def test_planted_noise_is_found_at_the_same_threshold_whatever_its_rate(rate):
    data = Planted(pairwise(5, rate), spread=0.45)
    scores = data.scores()
    frame = scores.frame
    assert f1_score(data.wrong, frame["label_quality_score"] < 0.5) > 0.9
    assert f1_score(data.wrong, frame["is_label_issue"]) > 0.9
    assert scores.expected_f1 == pytest.approx(f1_score(data.wrong, frame["is_label_issue"]), abs=0.06)
    assert scores.noise_rates == pytest.approx(pairwise(5, rate), abs=0.15)
    confident = data.wrong & (frame["suggested_confidence"] >= 0.7) & (frame["agreeing_sources"] == 2)
    assert confident.sum() > 0.8 * data.wrong.sum()
    assert (frame["suggested_label"] == data.true)[confident].mean() > 0.97
    assert data.wrong[frame["signals_agree"]].mean() < rate / 5
    assert (scores.class_probs.argmax(axis=1) == data.true).mean() > 0.95


@pytest.mark.parametrize("rates", [pairwise(5, 0.3), uniform(5, 0.4), 0.5 * pairwise(5, 0.3) + 0.5 * uniform(5, 0.4)])
def test_in_overlapping_classes_it_beats_the_vote_and_confident_learning(rates):
    margins = []
    for seed in range(3):
        data = Planted(rates, spread=1.0, seed=seed)
        pred_probs = data.pred_probs()
        vote = knn_vote(np.eye(5)[data.given], neighbourhood(data.features, neighbours=15), neighbours=15)
        rivals = {
            "vote": vote[np.arange(len(vote)), data.given],
            "self_confidence": get_label_quality_scores(data.given, pred_probs, method="self_confidence"),
            "normalized_margin": get_label_quality_scores(data.given, pred_probs, method="normalized_margin"),
        }
        mine = average_precision_score(data.wrong, -data.scores(pred_probs=pred_probs).frame["label_quality_score"])
        margins.append({name: mine - average_precision_score(data.wrong, -rival) for name, rival in rivals.items()})
    for name in margins[0]:
        assert np.mean([margin[name] for margin in margins]) > 0.01, margins
        assert min(margin[name] for margin in margins) > 0, margins


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.4])
@pytest.mark.parametrize("spread", [0.8, 1.1, 1.4])
def test_label_quality_is_a_calibrated_probability(rate, spread):
    """Of the labels of each tenth of the quality as many are right as it says, so the expected F1 comes true."""
    data = Planted(uniform(4, rate), count=2000, spread=spread)
    scores = data.scores()
    quality, right = scores.frame["label_quality_score"].to_numpy(), ~data.wrong
    tenth = np.minimum((10 * quality).astype(int), 9)
    error = sum(abs((quality - right)[tenth == number].sum()) for number in range(10)) / len(quality)
    assert error < 0.035
    assert scores.expected_f1 == pytest.approx(f1_score(data.wrong, scores.frame["is_label_issue"]), abs=0.025)


@pytest.mark.parametrize("spread", [0.8, 1.1, 1.4])
def test_label_quality_is_nearly_calibrated_where_errors_are_to_one_class(spread):
    """Errors that look like their labels are harder to count: the bounds are wider than for uniform noise."""
    data = Planted(pairwise(4, 0.25), count=2000, spread=spread)
    scores = data.scores()
    quality, right = scores.frame["label_quality_score"].to_numpy(), ~data.wrong
    assert quality.mean() == pytest.approx(right.mean(), abs=0.04)
    assert scores.expected_f1 == pytest.approx(f1_score(data.wrong, scores.frame["is_label_issue"]), abs=0.05)


@pytest.mark.parametrize("spread", [0.8, 1.4])
def test_rates_are_refined_before_labels_are_scored(monkeypatch, spread):
    """Of heavy noise to one class the confident joint finds too much or too little; it is no last word."""
    truth = pairwise(4, 0.4)
    data = Planted(truth, count=2000, spread=spread)
    found = data.scores().noise_rates
    monkeypatch.setattr(label_issues, "refined_rates", lambda labels, class_probs, rates: rates)
    assert np.abs(found - truth).max() < 0.75 * np.abs(data.scores().noise_rates - truth).max()


@pytest.fixture
def nothing_in_common(monkeypatch):
    """Fix what all labels have a part in, and solve every model by itself, so that not even rounding is shared."""
    monkeypatch.setattr(label_issues, "noise_rates", lambda labels, pred_probs: pairwise(4, 0.25))
    monkeypatch.setattr(label_issues, "_source_weights", lambda labels, sources, rates: np.array([0.5, 0.5]))
    monkeypatch.setattr(label_issues, "temperature", lambda labels, class_probs, rates: 0.6)
    side_by_side = LinearProbe.fit

    def alone(self, target, training, *, l2, start=None):
        return torch.cat(
            [
                side_by_side(self, target if target.ndim == 2 else target[:, [m]], training[:, [m]], l2=l2)
                for m in range(training.shape[1])
            ],
            dim=1,
        )

    monkeypatch.setattr(LinearProbe, "fit", alone)


@pytest.mark.parametrize("seed", range(3))
def test_no_label_has_a_part_in_the_class_probabilities_of_its_own_fold(nothing_in_common, seed):
    data = Planted(pairwise(4, 0.3), count=240, seed=seed)
    pred_probs = data.pred_probs()
    before = data.scores(pred_probs=pred_probs).class_probs
    rng = np.random.default_rng(seed)
    for fold in range(3):
        asked = data.fold == fold
        changed = np.where(asked, rng.integers(0, 4, len(asked)), data.given)
        after = data.scores(pred_probs=pred_probs, labels=changed).class_probs
        assert (after[asked] == before[asked]).all()
        assert np.abs(after[~asked] - before[~asked]).max() > 0.05


def test_one_label_leaves_its_image_s_probabilities_nearly_alone_with_nothing_fixed():
    data = Planted(pairwise(4, 0.3), count=400)
    before = data.scores()
    moved = []
    for row in range(0, 400, 80):
        changed = data.given.copy()
        changed[row] = (changed[row] + 1) % 4
        after = data.scores(labels=changed)
        moved.append(np.abs(after.class_probs - before.class_probs)[row].max())
        assert after.frame["label_quality_score"][row] != before.frame["label_quality_score"][row]
    assert max(moved) < 0.03


def test_copies_of_a_picture_share_a_fold_and_a_verdict_and_do_not_vote_for_one_another():
    groups = np.concatenate([np.repeat(np.arange(40), 5), np.arange(40, 440)])
    data = Planted(pairwise(4, 0.3), count=600, groups=groups)
    first = np.unique(groups, return_index=True)[1][groups]
    data.features, data.true = data.features[first], data.true[first]
    data.given[:200:5] = data.true[:200:5]
    data.given[1:200:5] = (data.true[1:200:5] + 1) % 4
    scores = data.scores()
    assert (scores.class_probs == scores.class_probs[first]).all()
    same_label = data.given == data.given[first]
    for column in ("label_quality_score", "suggested_label", "suggested_confidence"):
        assert (scores.frame[column] == scores.frame[column][first].to_numpy())[same_label].all()
    assert (groups[scores.nearest] != groups[:, None]).all()
    conflicting = scores.frame["label_quality_score"]
    assert (conflicting[:200:5].to_numpy() > conflicting[1:200:5].to_numpy()).mean() > 0.9


def test_zero_shot_is_a_third_voice_and_rescues_a_class_that_is_mostly_mislabelled():
    rates = np.eye(4)
    rates[0, :2] = 0.2, 0.8
    data = Planted(rates, spread=0.45)
    zero_shot = (0.85 * np.eye(4)[data.true] + 0.05 * (1 - np.eye(4)[data.true])).astype(np.float32)
    without, with_it = data.scores(), data.scores(zero_shot_pred_probs=zero_shot)
    lost = (data.true == 0) & (data.given == 1)
    assert (with_it.frame["sources"] == 3).all() and (without.frame["sources"] == 2).all()
    assert list(with_it.source_weights) == ["probe", "knn", "zero_shot"]
    assert sum(with_it.source_weights.values()) == pytest.approx(1)
    told = with_it.frame["zero_shot_label_agreement"].to_numpy()
    assert told == pytest.approx(zero_shot[np.arange(len(told)), data.given])
    found = [(scores.frame["label_quality_score"] < 0.5)[lost].mean() for scores in (without, with_it)]
    assert found[1] > found[0] + 0.2
    assert (with_it.frame["suggested_label"] == 0)[lost].mean() > 0.95


def test_a_source_that_knows_nothing_is_hardly_heard():
    data = Planted(pairwise(4, 0.2), spread=0.45)
    noise = np.random.default_rng(0).dirichlet([1] * 4, len(data.given)).astype(np.float32)
    weights = data.scores(zero_shot_pred_probs=noise).source_weights
    assert weights["zero_shot"] < 0.05


def test_columns_ranges_and_determinism():
    data = Planted(pairwise(4, 0.3), count=400)
    pred_probs = data.pred_probs()
    scores = data.scores(pred_probs=pred_probs)
    for column in ("label_quality_score", "suggested_confidence", "knn_label_agreement"):
        assert scores.frame[column].between(0, 1).all()
    assert scores.frame["zero_shot_label_agreement"].isna().all()
    assert scores.frame["agreeing_sources"].between(0, 2).all()
    assert scores.class_probs.shape == (400, 4) and scores.class_probs.dtype == np.float32
    assert scores.class_probs.sum(axis=1) == pytest.approx(1, abs=1e-5)
    issues = scores.frame["is_label_issue"]
    quality = scores.frame["label_quality_score"]
    assert quality[issues].max() == pytest.approx(scores.cut) and (quality[~issues] > scores.cut).all()
    again = data.scores(pred_probs=pred_probs)
    assert scores.frame.equals(again.frame)
    assert scores.class_probs.tobytes() == again.class_probs.tobytes()


def test_labels_that_are_all_right_are_left_alone_and_the_figures_can_be_written():
    data = Planted(np.eye(3), count=300, spread=0.1)
    scores = data.scores()
    assert not scores.frame["is_label_issue"].any() and scores.frame["signals_agree"].all()
    assert scores.expected_f1 < 0.01
    json.dumps([scores.cut, scores.expected_f1, scores.source_weights, scores.temperature], allow_nan=False)


def test_a_class_without_images_is_never_suggested():
    rates = np.pad(uniform(3, 0.3), (0, 1))
    rates[3, 3] = 1
    data = Planted(rates, count=300, shares=[0.5, 0.3, 0.2, 0])
    frame = data.scores().frame
    assert set(frame["suggested_label"]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("count", "shares"), [(300, [0.997, 0.003]), (300, [1, 0]), (9, [0.5, 0.5]), (200, [0.49, 0.49, 0.02])]
)
def test_small_and_lopsided_data(count, shares):
    data = Planted(np.eye(len(shares)), count=count, shares=shares)
    scores = data.scores(neighbours=50)
    assert np.isfinite(scores.class_probs).all()
    assert scores.frame["label_quality_score"].between(0, 1).all()
    assert scores.nearest.shape == (count, 2)


def test_images_that_are_all_alike_can_be_scored():
    data = Planted(uniform(3, 0.3), count=60)
    data.features[:] = data.features[0]
    frame = data.scores().frame
    assert frame["label_quality_score"].between(0, 1).all()
