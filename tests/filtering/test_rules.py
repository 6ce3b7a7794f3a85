"""Ways to choose which images stay."""

import numpy as np

from clouds import unit_vectors
from winnow.filtering.compare import compare, draw_pools
from winnow.filtering.rules import RULES, Thesis, balanced_random, choose, uniqueness


def test_every_rule_keeps_as_many_as_it_is_asked_for():
    features, labels = unit_vectors(120, 12), np.arange(120) % 3
    for name, rule in RULES.items():
        for count, kept in zip((110, 60, 7), choose(rule, features, labels, [110, 60, 7], seed=0), strict=True):
            assert len(kept) == len(set(kept.tolist())) == count, name


def test_uniqueness_drops_both_copies_and_keeps_the_odd_one():
    features = np.array(
        [[1, 0, 0], [1, 0, 0], [0.9, 0.1, 0], [0.8, 0.2, 0], [0.7, 0.3, 0], [0, 0, 1]], dtype=np.float32
    )
    order = uniqueness(features, np.zeros(6, dtype=int), 0)
    assert order[0] == 5 and set(order[-2:].tolist()) <= {0, 1, 2}


def test_balanced_random_takes_classes_by_turns():
    labels = np.array([0] * 50 + [1] * 5)
    kept = balanced_random(np.zeros((55, 2)), labels, 0)[:10]
    assert (labels[kept] == 1).sum() == 5


def test_the_thesis_keeps_one_image_of_a_chain_and_ward_several():
    angle = np.linspace(0, np.pi / 2, 60)  # near images in a row, and three far from all
    chain = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(60)])
    features = np.vstack(
        [
            chain,
            np.eye(3)[2] + 0.5 * np.eye(3),
        ]
    ).astype(np.float32)
    features[60:] += np.array([[0, -1, 1], [-1, 0, 1], [-1, -1, 2]], dtype=np.float32)
    (thesis,) = Thesis(dimensions=3).choices(features, [4])
    ward = choose(RULES["ward (winnow)"], features, np.zeros(63), [10], seed=0)[0]
    assert (thesis < 60).sum() <= 2 and (ward < 60).sum() >= 5


def test_a_rule_that_keeps_what_matters_is_found_better_than_chance():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    features = (np.eye(4)[labels] * 2 + rng.normal(size=(400, 4))).astype(np.float32)
    useless = rng.random(400) < 0.5  # half of the images say nothing
    features[useless] = rng.normal(size=(useless.sum(), 4)) * 0.01

    def knowing(own, _, seed):
        return np.argsort(np.linalg.norm(own, axis=1) < 0.2, kind="stable")

    rules = {"random": RULES["random"], "knowing": knowing}
    asked = (np.eye(4)[labels] * 2 + rng.normal(size=(400, 4))).astype(np.float32)
    pools = draw_pools(400, pools=12, seed=0)
    options = {"shares": [0.1], "pools": pools, "test_features": asked, "test_labels": labels, "l2": 0.01, "seed": 0}
    result = compare(features, labels, rules=rules, **options)
    ours = result.table.iloc[-1]
    assert ours["rule"] == "knowing" and ours["difference"] > 0.02 and "points from random" in result.sentence, (
        result.table
    )
    nothing = compare(features, labels, rules={"random": RULES["random"], "again": RULES["random"]}, **options)
    assert "nothing to gain" in nothing.sentence
