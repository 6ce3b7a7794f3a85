"""How many labels of a set are wrong, and how sure that is."""

import numpy as np
import pytest

from winnow.shift.planted import plant
from winnow.shift.waterfall import waterfall
from winnow.shift.wrong_labels import LabelEvidence, _Pool


def test_labels_that_are_impossible_are_wrong_and_the_rest_right():
    """Ten of a hundred labels have no chance; drawing them twice makes their share 20 of 110."""
    probability = np.repeat([0.0, 1.0], [10, 90])
    evidence = LabelEvidence(probability, np.zeros(100, int), 11, np.zeros((100, 3)), np.zeros((100, 3)))
    counts = np.ones((2, 100))
    counts[1, :10] = 2
    assert np.allclose(evidence.error_probability(counts), 1 - probability)


def test_a_resample_moves_the_weights_and_with_them_the_odds_of_all_labels():
    """Row 0, drawn twice, moves a weight by 1; that takes the label of row 1 from 1/2 to 3/4, which is odds of 3."""
    influence, sensitivity = np.zeros((2, 2, 3))
    influence[0, 0], sensitivity[1, 0] = 1, np.log(3)
    evidence = LabelEvidence(np.full(2, 0.5), np.zeros(2, int), 2, influence, sensitivity)
    wrong = evidence.error_probability(np.array([[1.0, 1.0], [2.0, 1.0]]))
    odds = (1 - wrong) / wrong
    assert odds[:, 1] / odds[:, 0] == pytest.approx([1, 3])


def test_labels_that_people_judged_count_for_the_share_as_they_found_them():
    """Of 100 rows of even odds, 10 were judged and 5 found wrong: the share is 1/2 of these, and e = r of the rest.

    With K = 2 and P = 1/2, a row that is open is wrong with probability r, so r = (5 + 90 r) / 100, and r = 1/2.
    """
    known = np.full(100, np.nan)
    known[:10] = np.repeat([0.0, 1.0], 5)
    zeros = np.zeros((100, 3))
    evidence = LabelEvidence(np.full(100, 0.5), np.zeros(100, int), 2, zeros, zeros, known)
    wrong = evidence.error_probability(np.ones((1, 100)), steps=400)[0]
    assert wrong[:10].tolist() == [0] * 5 + [1] * 5 and wrong[10:] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("judged", [False, True])
@pytest.mark.parametrize("values", [[0.5, 0.6, 0.1, 0.05], [1.0, 0.2, 0.0, 0.2]])
def test_derivatives_are_those_of_the_likelihood(values, judged):
    rng = np.random.default_rng(0)
    known = np.repeat([np.nan, 0.0, 1.0], [20, 10, 10]) if judged else None
    pool = _Pool(np.log(rng.dirichlet(np.ones(5), size=(2, 40))), rng.integers(0, 5, 40), known)
    at = np.array(values)
    ahead, behind = (
        np.stack([pool.likelihood(at + sign * step)[0] for step in 1e-6 * np.eye(4)], axis=1) for sign in (1, -1)
    )
    assert np.allclose(pool.likelihood(at)[1], (ahead - behind) / 2e-6, atol=1e-6)


def test_of_few_classes_too_the_part_is_neither_shrunk_nor_stretched():
    shares = []
    for seed in range(2):
        found = plant("wrong_labels", rows=1500, train_rows=1500, seed=seed, classes=3, wrong_share=0.12)
        part = waterfall(found.a, found.b, bootstraps=100, seed=seed).parts["wrong_labels"]
        assert part.sure and part.low <= found.true_part <= part.high
        shares.append(part.value / found.true_part)
    assert 0.9 <= np.mean(shares) <= 1.1
