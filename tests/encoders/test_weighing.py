"""Which weights are chosen without a truth: through the noise channel, and never by calling all labels noise."""

import numpy as np
import pytest

from detector_data import pairwise, through, uniform
from winnow.encoders.normalise import l2_normalised
from winnow.encoders.weighing import HeldOutLogLoss, held_out_log_loss
from winnow.learn import channel

CLASSES, IMAGES = 4, 600
# All candidates are weights of three encoders; so small a weight leaves no trace of the others.
ALONE = {"good": (1.0, 1e-4, 1e-4), "weak": (1e-4, 1.0, 1e-4), "random": (1e-4, 1e-4, 1.0)}
MIXED = {"all": (1.0, 1.0, 1.0), "mostly good": (1.0, 0.3, 0.3), "mostly random": (0.3, 0.3, 1.0)}
NOISE = {
    "none": np.eye(CLASSES),
    "uniform": uniform(CLASSES, 0.3),
    "heavy": uniform(CLASSES, 0.6),
    "pairs": pairwise(CLASSES, 0.4),
}


def planted(seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """(N,) true classes and the features of three encoders: one knows them, one knows little, one nothing."""
    rng = np.random.default_rng(seed)
    true = np.arange(IMAGES) % CLASSES
    centres = rng.normal(size=(CLASSES, 12))
    spreads = [centres[true] + rng.normal(0, scale, (IMAGES, 12)) for scale in (0.6, 2.0)]
    every = [*spreads, rng.normal(size=(IMAGES, 60))]
    return true, [l2_normalised(each.astype(np.float32)) for each in every]


def weigh(noise: str, seed: int) -> HeldOutLogLoss:
    true, features = planted(seed)
    labels = through(NOISE[noise], true, np.random.default_rng(seed + 50))
    candidates = [*ALONE.values(), *MIXED.values()]
    return held_out_log_loss(features, candidates, labels, np.arange(IMAGES) // 4 % 5, num_classes=CLASSES)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("noise", NOISE)
def test_features_that_know_nothing_lose_whatever_the_noise(noise, seed):
    found = weigh(noise, seed)
    good, weak, random = (found.by_channel[ALONE[name]] for name in ALONE)
    assert good < weak < random
    assert random > np.log(CLASSES) - 0.05  # no better than calling all labels noise
    assert found.best in (ALONE["good"], MIXED["mostly good"])


@pytest.mark.parametrize("seed", range(2))
def test_without_noise_the_choice_is_that_of_the_plain_log_loss(seed):
    found = weigh("none", seed)
    assert found.best == min(found.plain, key=found.plain.__getitem__)


def test_under_noise_the_channel_tells_what_the_labels_cost_apart_from_what_the_probe_is_unsure_of():
    """Of a perfect model the log-loss through the rates is the noise's own entropy."""
    found, rates = weigh("uniform", 0), NOISE["uniform"]
    entropy = -float((rates[0] * np.log(rates[0])).sum())
    assert found.by_channel[ALONE["good"]] < found.plain[ALONE["good"]]
    assert found.by_channel[ALONE["good"]] == pytest.approx(entropy, abs=0.1)


def test_all_candidates_go_through_the_rates_of_the_one_that_plainly_predicts_best(monkeypatch):
    estimated, seen = [], []
    monkeypatch.setattr(
        "winnow.encoders.weighing.noise_rates",
        lambda labels, probs: estimated.append(probs) or channel.noise_rates(labels, probs),
    )
    monkeypatch.setattr(
        "winnow.encoders.weighing.channel_log_loss",
        lambda labels, probs, rates: seen.append(rates) or channel.channel_log_loss(labels, probs, rates),
    )
    found = weigh("pairs", 1)
    assert len(estimated) == 1 and len(seen) == len(found.by_channel)
    assert all(rates is seen[0] for rates in seen)
    labels = through(NOISE["pairs"], planted(1)[0], np.random.default_rng(51))
    assert -np.log(estimated[0][np.arange(IMAGES), labels]).mean() == pytest.approx(min(found.plain.values()))


def test_of_equals_the_plain_log_loss_decides():
    first, second = (1.0, 0.3), (1.0, 1.0)
    assert HeldOutLogLoss({first: 0.5, second: 0.4}, {first: 0.2, second: 0.2}).best == second
    assert HeldOutLogLoss({first: 0.5, second: 0.4}, {first: 0.1, second: 0.2}).best == first


def test_no_label_is_predicted_by_a_probe_that_saw_it():
    """Features that name each image, labels at random: whoever saw the label would know it."""
    labels = np.random.default_rng(0).integers(0, 2, 60)
    features = [np.eye(60, dtype=np.float32)] * 2
    found = held_out_log_loss(features, [(1.0, 1.0)], labels, np.arange(60) % 5, num_classes=2)
    assert found.plain[(1.0, 1.0)] > 0.69 and found.by_channel[(1.0, 1.0)] > 0.68
