"""Ways to choose which images stay."""

import numpy as np

from clouds import unit_vectors
from winnow.filtering.compare import compare, draw_pools
from winnow.filtering.copies import CopySpace
from winnow.filtering.cover import find_copies
from winnow.filtering.groups import cluster_groups
from winnow.filtering.learners.probe import Probe
from winnow.filtering.reduction import fit_reduction
from winnow.filtering.rules import RULES, Candidates, Thesis, balanced_random, choose, uniqueness


def test_every_rule_keeps_as_many_as_it_is_asked_for():
    features, labels = unit_vectors(120, 12), np.arange(120) % 3
    for name, rule in RULES.items():
        for count, kept in zip(
            (110, 60, 7), choose(rule, Candidates(features, labels), [110, 60, 7], seed=0), strict=True
        ):
            assert len(kept) == len(set(kept.tolist())) == count, name


def test_uniqueness_drops_both_copies_and_keeps_the_odd_one():
    features = np.array(
        [[1, 0, 0], [1, 0, 0], [0.9, 0.1, 0], [0.8, 0.2, 0], [0.7, 0.3, 0], [0, 0, 1]], dtype=np.float32
    )
    order = uniqueness(Candidates(features), 0)
    assert order[0] == 5 and set(order[-2:].tolist()) <= {0, 1, 2}


def test_balanced_random_takes_classes_by_turns():
    labels = np.array([0] * 50 + [1] * 5)
    kept = balanced_random(Candidates(np.zeros((55, 2)), labels), 0)[:10]
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
    ward = choose(RULES["ward (winnow)"], Candidates(features), [10], seed=0)[0]
    assert (thesis < 60).sum() <= 2 and (ward < 60).sum() >= 5


def test_a_rule_that_keeps_what_matters_is_found_better_than_chance():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    features = (np.eye(4)[labels] * 2 + rng.normal(size=(400, 4))).astype(np.float32)
    useless = rng.random(400) < 0.5  # half of the images say nothing
    features[useless] = rng.normal(size=(useless.sum(), 4)) * 0.01

    def knowing(images, seed):
        return np.argsort(np.linalg.norm(images.features, axis=1) < 0.2, kind="stable")

    rules = {"random": RULES["random"], "knowing": knowing}
    asked = (np.eye(4)[labels] * 2 + rng.normal(size=(400, 4))).astype(np.float32)
    pools = draw_pools(400, pools=12, seed=0)
    images, learner = Candidates(features, labels), Probe(np.vstack([features, asked]), np.tile(labels, 2), 0.01)
    options = {"shares": [0.1], "pools": pools, "asked": 400, "seed": 0}
    result = compare(images, learner, rules=rules, **options)
    ours = result.table.iloc[-1]
    assert ours["rule"] == "knowing" and ours["difference"] > 0.02 and "points from random" in result.sentence, (
        result.table
    )
    nothing = compare(images, learner, rules={"random": RULES["random"], "again": RULES["random"]}, **options)
    assert "nothing to gain" in nothing.sentence


def with_copies(rng):
    """120 images of three classes, and a near copy of each of the first 60 behind them."""
    features = rng.normal(size=(120, 16)).astype(np.float32)
    features = np.vstack([features, features[:60] + rng.normal(scale=0.01, size=(60, 16)).astype(np.float32)])
    labels = np.r_[np.arange(120) % 3, np.arange(60) % 3]
    space = CopySpace(features, features.mean(axis=0) * 0, np.zeros((0, 16), np.float32), np.zeros(0, np.float32))
    return Candidates(features, labels, space, within=0.1)


def test_our_rules_let_copies_go_first_and_keep_the_one_with_the_most_pixels():
    images = with_copies(np.random.default_rng(0))
    pixels = np.r_[np.full(120, 100), np.tile([50, 200], 30)]  # every other copy is larger than its original
    for name in ("ward (winnow)", "herding by class (winnow)"):
        for given in (images, Candidates(images.features, images.labels, images.copies, 0.1, pixels)):
            (kept,) = choose(RULES[name], given, [120], seed=0)
            original = np.where(kept < 120, kept, kept - 120)
            assert sorted(original.tolist()) == list(range(120)), name
        larger = np.arange(1, 60, 2)
        assert set(kept[kept >= 120].tolist()) == set((larger + 120).tolist()), name
        (unknowing,) = choose(RULES[name], Candidates(images.features, images.labels), [120], seed=0)
        assert set(unknowing.tolist()) != set(kept.tolist())


def test_classes_keep_their_shares_or_groups_where_there_are_no_labels():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [160, 40])
    features = rng.normal(size=(200, 16)).astype(np.float32) + 5 * (labels[:, None] == np.arange(16))
    features[labels == 1] = features[160] + rng.normal(scale=0.05, size=(40, 16))  # alike: these would go first
    features = features.astype(np.float32)
    (kept,) = choose(RULES["ward (winnow)"], Candidates(features, labels), [100], seed=0)
    assert (labels[kept] == 1).sum() >= 0.95 * 20 - 1
    (alone,) = choose(RULES["ward (winnow)"], Candidates(features), [100], seed=0)
    points = fit_reduction(features, dimensions=128)(features)
    groups = cluster_groups(points, clusters=10, seed=0)
    size, stay = np.bincount(groups), np.bincount(groups[alone], minlength=10)
    assert len(size) == 10 and (stay >= np.floor(0.95 * size / 2)).all()


def test_a_pool_has_the_copies_of_its_own_images():
    images = with_copies(np.random.default_rng(2))
    places = np.r_[np.arange(0, 30), np.arange(125, 180)]
    pool = images.only(places)
    found = pool.copies_inside(np.zeros(len(pool), dtype=int))
    alone = find_copies(images.copies, np.zeros(180, dtype=int), pixels=np.ones(180, dtype=int), within=0.1)
    assert (found.of >= 0).sum() == 25 and (alone.of >= 0).sum() == 60  # copies 125 to 149, of 5 to 29
    pairs = {frozenset((places[one], places[other])) for one, other in enumerate(found.of) if other >= 0}
    assert pairs == {frozenset((number, number + 120)) for number in range(5, 30)}
    assert Candidates(images.features).only(places).copies_inside(np.zeros(85)) is None
