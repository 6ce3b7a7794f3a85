"""Decisions of a round in a table, what comes back, what flips, and two rounds on planted errors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from winnow.competition import rounds
from winnow.competition.pool import read_pool, squares
from winnow.competition.rounds import (
    VALUES,
    Rules,
    _joined,
    clean_round,
    decide_round,
    harmful,
    hold_class_floor,
    round_summary,
    score_round,
    untouched_tenth,
)
from winnow.competition.sample import make_sample
from winnow.encoders.fitted.networks import SmallNetworks, TrainedSettings

RULES = Rules(
    label_quality_threshold=0.5,
    relabel_confidence=0.7,
    neighbours=10,
    neighbour_relabel=1.0,
    neighbour_drop_distance=3.0,
    neighbour_drop_cluster=False,
)
SETTINGS = TrainedSettings(
    folds=2, epochs=30, width=12, input_size=32, learning_rate=0.1, label_smoothing=0.1, shift=0.125, mirror=False,
    zoom=0.1, color=0.0, loss="cross_entropy", contrastive={}, seed=0,
)  # fmt: skip
FINE = {"label_quality_score": 0.9, "suggested_label": 0, "suggested_confidence": 0.9}
FINE |= {"neighbour_label": 0, "neighbour_agreement": 1.0, "neighbour_distance": 1.0}


def decided(before=0, *, untouched=False, rules=RULES, **found) -> pd.Series:
    """What becomes of one image of the label 0."""
    scores = pd.DataFrame([FINE | found])
    return decide_round(scores, np.array([before]), np.array([0]), np.array([untouched]), rules).iloc[0]


@pytest.mark.parametrize(
    ("found", "final", "rule"),
    [
        ({}, 0, ""),
        ({"label_quality_score": 0.4, "suggested_label": 2}, 2, "label_issue"),
        ({"label_quality_score": 0.4, "suggested_label": 2, "suggested_confidence": 0.6}, -1, "label_issue"),
        ({"label_quality_score": 0.4}, -1, "label_issue"),
        ({"neighbour_label": 3}, 3, "neighbour_relabel"),
        ({"neighbour_label": 3, "neighbour_agreement": 0.9}, 0, ""),  # one dissents
        ({"neighbour_label": 3, "neighbour_agreement": 0.9, "neighbour_distance": 4.0}, -1, "neighbour_drop"),
        ({"neighbour_distance": 4.0}, 0, ""),  # far from the others, but among its own: an edge case
        ({"neighbour_label": 3, "neighbour_agreement": 0.4, "neighbour_distance": 9.0}, 0, ""),
        ({"label_quality_score": 0.4, "suggested_label": 2, "neighbour_label": 3}, 2, "label_issue"),
    ],
)
def test_rules_of_a_round(found, final, rule):
    row = decided(**found)
    assert (row["final_label"], row["rule"]) == (final, rule)


def test_an_image_in_another_cluster_is_dropped_where_that_is_asked_for():
    rules = replace(RULES, neighbour_drop_cluster=True)
    near = {"neighbour_label": 3, "neighbour_agreement": 0.9}
    for found, final, rule in (
        (near, -1, "neighbour_drop"),
        (near | {"neighbour_agreement": 0.8}, 0, ""),
        (near | {"neighbour_agreement": 1.0}, 3, "neighbour_relabel"),
        (near | {"label_quality_score": 0.4, "suggested_label": 2}, 2, "label_issue"),
        (near | {"neighbour_label": 0, "neighbour_distance": 9.0}, 0, ""),  # far, but in its own: an edge case
    ):
        row = decided(**found, rules=rules)
        assert (row["final_label"], row["rule"]) == (final, rule)


def test_a_dropped_image_is_judged_by_its_given_label_and_comes_back_under_it_alone():
    unseen = {"neighbour_label": -1, "neighbour_agreement": 0.0, "neighbour_distance": np.nan}
    assert decided(-1, **unseen)["final_label"] == 0
    assert decided(-1, **unseen, label_quality_score=0.1)["final_label"] == -1
    assert decided(-1, **unseen, label_quality_score=0.1, suggested_label=4)["final_label"] == -1


def test_a_third_label_is_a_flip_that_is_not_followed():
    wrong = {"label_quality_score": 0.1, "suggested_confidence": 0.9}
    row = decided(2, **wrong, suggested_label=3)
    assert row["final_label"] == 2 and row["flip"]
    same, back = decided(2, **wrong, suggested_label=2), decided(2)
    assert same["final_label"] == 2 and not same["flip"]
    assert back["final_label"] == 0 and not back["flip"]


def test_an_untouched_image_stays_and_shows_the_drift():
    row = decided(untouched=True, label_quality_score=0.1, suggested_label=2)
    assert row["final_label"] == 0 and row["rule"] == "" and row["drift"]
    assert not decided(untouched=True)["drift"]


def test_a_round_s_counts_add_up():
    given, before = np.zeros(4, dtype=int), np.array([0, -1, 2, 0])
    scores = pd.DataFrame([FINE, FINE, FINE, FINE | {"label_quality_score": 0.1}])
    none = np.zeros(4, dtype=bool)
    counts = round_summary(decide_round(scores, before, given, none, RULES), before, given, none)
    assert counts == {
        "images": 4,
        "kept": 3,
        "relabelled": 0,
        "dropped": 1,
        "came_back": 1,
        "flips": 0,
        "agreement": 0.25,
        "untouched": 0,
        "untouched_that_would_change": 0,
    }


def test_a_tenth_of_every_class_is_untouched():
    labels = np.repeat([0, 1], [200, 50])
    chosen = untouched_tenth(labels, seed=1)
    assert [chosen[labels == label].sum() for label in (0, 1)] == [20, 5]
    assert (chosen == untouched_tenth(labels, seed=1)).all() and (chosen != untouched_tenth(labels, seed=2)).any()


def test_the_rule_of_valuation_is_capped_at_the_worst():
    none = np.zeros(10)
    assert harmful(np.array([0, 5, 1, 3, 0, 2, 0, 0, 0, 0]), none, least=1, most=0.3).nonzero()[0].tolist() == [1, 3, 5]
    assert harmful(np.array([0, 5, 1, 0]), none[:4], least=2, most=1.0).nonzero()[0].tolist() == [1]
    # Of those that harm two, the ones that harm more, wherever they stand.
    influence = np.array([0.1, 0.4, 0.2, 0.3])
    assert harmful(np.array([2, 2, 2, 2]), influence, least=1, most=0.5).nonzero()[0].tolist() == [1, 3]


def test_the_likeliest_of_a_class_come_back_up_to_the_floor():
    """Class 0 keeps one and lacks two; class 1 has a relabelled image more than its floor; class 2 was given to one."""
    given = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    final = np.array([0, -1, -1, -1, 1, 1, -1, 1, -1])
    final_before = pd.DataFrame({"final_label": final, "rule": np.where(final < 0, "label_issue", "")})
    quality = np.array([0.9, 0.1, 0.3, 0.2, 0.9, 0.9, 0.4, 0.9, 0.0])
    held = hold_class_floor(final_before, given, quality, floor=3)
    assert held["final_label"].tolist() == [0, -1, 0, 0, 1, 1, -1, 1, 2]
    assert held.index[held["rule"] == "class_floor"].tolist() == [2, 3, 8]
    pd.testing.assert_frame_equal(hold_class_floor(final_before, given, quality, floor=0), final_before)


def test_relabelled_images_come_back_where_their_new_class_can_spare_them():
    """Class 0 lost its three to class 1, which was given two; the worst of the three may stay there."""
    given, final = np.array([0, 0, 0, 1, 1]), np.array([1, 1, 1, 1, -1])
    decisions = pd.DataFrame({"final_label": final, "rule": ["label_issue"] * 3 + ["", "label_issue"]})
    quality = np.array([0.1, 0.3, 0.2, 0.9, 0.0])
    held = hold_class_floor(decisions, given, quality, floor=2)
    assert held["final_label"].tolist() == [1, 0, 0, 1, -1]
    assert held["rule"].tolist() == ["label_issue", "class_floor", "class_floor", "", "label_issue"]
    # A class gives none away that it needs itself: with a floor of three, class 1 is full with its own two.
    held = hold_class_floor(decisions, given, quality, floor=3)
    assert held["final_label"].tolist() == [1, 0, 0, 1, -1]


def test_two_sources_add_their_log_odds_and_an_unknown_one_adds_nothing():
    # Odds 3:1 and 2:1 make 6:1.
    joined = _joined(np.array([0.75, 0.75, 0.5]), np.array([2 / 3, np.nan, 0.0]))
    np.testing.assert_allclose(joined, [6 / 7, 0.75, 0.0], atol=1e-5)


def test_a_round_drops_what_harms_most_but_nothing_untouched(monkeypatch):
    """All images look fine; every one of them harms, and a fifth may go: four of twenty, none of the untouched two."""
    count = 20
    images = pd.DataFrame(
        {
            "image_id": [f"train/0/{row:02d}.png" for row in range(count)],
            "label": np.repeat([0, 1], count // 2),
            "image_bytes": pd.Series([b""] * count, dtype=object),
            "early_probability": 0.9,
            "points_harmed": np.arange(count) + 1,
            "influence": 0.0,
        }
    )
    fine = [FINE | {"suggested_label": label, "neighbour_label": label} for label in images["label"]]
    monkeypatch.setattr(rounds, "squares", lambda image_bytes, side: np.zeros((count, side, side, 3), np.uint8))
    monkeypatch.setattr(rounds, "score_round", lambda *arguments, **options: pd.DataFrame(fine))
    untouched = untouched_tenth(images["label"].to_numpy(), seed=0)
    options = {"encoder": vars(SETTINGS), "seed": 0, "points_harmed": 1, "valuation_max_share": 0.2, "class_floor": 0}
    options |= vars(RULES)
    decided, counts = clean_round(images, None, num_classes=2, options=options, device=torch.device("cpu"))
    dropped = (decided["final_label"] < 0).to_numpy()
    worst = np.arange(count) >= count - 4
    assert (dropped == (worst & ~untouched)).all() and counts["dropped"] == dropped.sum() > 0
    assert (decided["rule"] == np.where(dropped, "valuation", "")).all()
    assert decided[VALUES].equals(images[VALUES])
    decided, _ = clean_round(
        images, None, num_classes=2, options=options | {"points_harmed": None}, device=torch.device("cpu")
    )
    assert (decided["final_label"] == images["label"]).all()


@pytest.mark.slow
def test_two_rounds_find_planted_errors_and_networks_never_see_what_was_dropped(tmp_path, monkeypatch):
    learned, train = [], SmallNetworks.train

    def recorded(self, images, labels, trainings, **options):
        learned.extend(training.rows for training in trainings)
        return train(self, images, labels, trainings, **options)

    monkeypatch.setattr(SmallNetworks, "train", recorded)
    sample = make_sample(seed=1, train=40, val=0, label_book=0, test=0, wrong_labels=0.12, scribbles=0.05)
    (tmp_path / "pool.zip").write_bytes(sample.pool)
    pool = read_pool(tmp_path / "pool.zip", class_names=[str(digit) for digit in range(10)])
    pixels, given = squares(pool["image_bytes"].tolist(), side=32), pool["label"].to_numpy()
    true = sample.truth.set_index("image_id").loc[pool["image_id"], "true_label"].to_numpy()
    options = {"num_classes": 10, "encoder": SETTINGS, "rules": RULES, "device": torch.device("cpu")}
    unknown, none = np.full(len(given), np.nan), np.zeros(len(given), dtype=bool)

    scores = score_round(pixels, given, given, unknown, **options)
    first = decide_round(scores, given, given, none, RULES)["final_label"].to_numpy()
    changed, wrong = first != given, true != given
    assert (changed & wrong).sum() / changed.sum() > 0.7 and (changed & wrong).sum() / wrong.sum() > 0.6
    second = decide_round(score_round(pixels, first, given, unknown, **options), first, given, none, RULES)
    assert (second["final_label"] == first).mean() > 0.85

    kept = first >= 0
    assert len(learned) == 2 * 2  # rounds, networks; the first ones' images are all
    assert all(kept[rows].all() for rows in learned[2:]) and not kept[np.concatenate(learned[:2])].all()
    assert (np.bincount(np.concatenate(learned[2:]), minlength=len(kept)) == kept).all()  # of two, one each
