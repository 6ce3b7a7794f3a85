"""The noise channel: its rates, its inverse, Bayes, and what labels foretold through it say of features."""

import numpy as np
import pytest

from detector_data import pairwise, through, uniform
from winnow.learn.channel import (
    at_temperature,
    channel_log_loss,
    label_likelihood,
    noise_rates,
    posterior,
    refined_rates,
    temperature,
    true_class_probs,
)

MIXED = np.array([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.25, 0.05, 0.7]])


@pytest.mark.parametrize("rates", [MIXED, pairwise(5, 0.4), uniform(4, 0.3), np.eye(3)])
def test_planted_noise_rates_are_recovered_from_probabilities_of_the_given_label(rates):
    rng = np.random.default_rng(0)
    true = rng.integers(0, len(rates), 6000)
    rates_found = noise_rates(through(rates, true, rng), rates[true])
    assert rates_found == pytest.approx(rates, abs=0.05)
    assert rates_found.sum(axis=1) == pytest.approx(1)


def test_a_class_that_no_image_has_is_taken_for_noiseless():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 500)
    probs = np.array([[0.8, 0.2, 0], [0.3, 0.7, 0]])
    found = noise_rates(through(probs, true, rng), probs[true])
    assert found[2].tolist() == [0, 0, 1]
    assert found[:2, 2].tolist() == [0, 0]


@pytest.mark.parametrize("rates", [MIXED, pairwise(4, 0.4), uniform(4, 0.3)])
def test_a_known_channel_is_inverted(rates):
    """What the channel makes of sure classes is led back to them."""
    found = true_class_probs(rates, rates)
    assert found.sum(axis=1) == pytest.approx(1)
    assert found.argmax(axis=1).tolist() == list(range(len(rates)))
    assert np.diag(found).min() > 0.9


def test_inversion_never_leaves_the_simplex_and_a_clean_channel_changes_nothing():
    predicted = np.random.default_rng(0).dirichlet([0.2] * 4, 200)
    assert true_class_probs(predicted, np.eye(4)) == pytest.approx(predicted)
    found = true_class_probs(predicted, pairwise(4, 0.4))  # most of these no true class explains
    assert found.min() >= 0 and found.sum(axis=1) == pytest.approx(1)
    # One step by hand from (1/2, 1/2): p T = (0.55, 0.45); every further step only sharpens it.
    by_hand = true_class_probs(np.array([[0.9, 0.1]]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert by_hand[0, 0] > 0.5 * (0.9 * 0.9 / 0.55 + 0.1 * 0.1 / 0.45)


def test_posterior_by_hand():
    rates = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = posterior(np.array([0, 1]), np.array([[0.5, 0.5], [0.75, 0.25]]), rates)
    assert found == pytest.approx(np.array([[0.45 / 0.55, 0.1 / 0.55], [0.075 / 0.275, 0.2 / 0.275]]))


def test_a_label_that_no_class_gives_changes_nothing():
    class_probs = np.array([[0.6, 0.4, 0.0]])
    rates = np.array([[0.5, 0.5, 0], [0.3, 0.7, 0], [0, 0, 1]])
    assert posterior(np.array([2]), class_probs, rates) == pytest.approx(class_probs, abs=1e-9)


def test_a_temperature_by_hand():
    class_probs = np.array([[0.2, 0.8], [0.0, 1.0]], dtype=np.float32)
    assert at_temperature(class_probs, 0.5) == pytest.approx(np.array([[0.04 / 0.68, 0.64 / 0.68], [0, 1]]), abs=1e-6)
    assert at_temperature(class_probs, 1) == pytest.approx(class_probs, abs=1e-6)


@pytest.mark.parametrize("rates", [pairwise(4, 0.3), uniform(4, 0.4), np.eye(4)])
@pytest.mark.parametrize("planted", [0.4, 1.0, 1.6])
def test_a_planted_temperature_is_found_through_the_channel(rates, planted):
    rng = np.random.default_rng(0)
    calibrated = rng.dirichlet([0.5] * 4, 20000)
    labels = through(calibrated @ rates, np.arange(len(calibrated)), rng)
    too_soft = at_temperature(calibrated, 1 / planted)
    assert temperature(labels, too_soft, rates) == pytest.approx(planted, rel=0.08)


def test_where_no_temperature_explains_the_labels_better_none_is_taken():
    """Labels drawn from all classes alike say nothing of the probabilities, nor do equal ones of labels."""
    rng = np.random.default_rng(0)
    labels, class_probs = rng.integers(0, 4, 50), rng.dirichlet([0.5] * 4, 50)
    assert temperature(labels, class_probs, np.full((4, 4), 0.25)) == 1
    assert temperature(labels, np.full((50, 4), 0.25), pairwise(4, 0.3)) == 1


def test_a_label_s_likelihood_and_log_loss_by_hand():
    rates = np.array([[0.9, 0.1], [0.2, 0.8]])
    class_probs = np.array([[0.5, 0.5], [1.0, 0.0]])
    assert label_likelihood(np.array([0, 1]), class_probs, rates) == pytest.approx([0.55, 0.1])
    assert channel_log_loss(np.array([0, 1]), class_probs, rates) == pytest.approx(-np.log([0.55, 0.1]).mean())
    assert channel_log_loss(np.array([1]), np.eye(2)[:1], np.eye(2)) == pytest.approx(-np.log(1e-12))


def test_rates_are_refined_by_counts_of_which_half_are_the_prior():
    """Two images of class 0, labelled 0 and 1, and as many that the prior says: (1 + 2 * 0.9) / 4 keep the label."""
    class_probs = np.eye(3)[[0, 0, 1]]
    prior = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.3, 0.3, 0.4]])
    found = refined_rates(np.array([0, 1, 1]), class_probs, prior)
    assert found == pytest.approx(np.array([[0.7, 0.3, 0], [0.1, 0.9, 0], [0.3, 0.3, 0.4]]))
    assert prior[0, 0] == 0.9


def test_refined_rates_lie_nearer_to_the_truth_than_a_prior_that_is_too_noisy():
    rng = np.random.default_rng(0)
    calibrated = rng.dirichlet([0.05] * 4, 5000)
    true = through(calibrated, np.arange(len(calibrated)), rng)
    truth, prior = pairwise(4, 0.2), pairwise(4, 0.4)
    found = refined_rates(through(truth, true, rng), calibrated, prior)
    assert np.abs(found - truth).max() < 0.6 * np.abs(prior - truth).max()
    assert found.sum(axis=1) == pytest.approx(1)
