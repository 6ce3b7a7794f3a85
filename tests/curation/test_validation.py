"""Choosing the validation set, and keeping it out of training."""

import numpy as np
import pandas as pd
import pytest

from curation_data import THRESHOLDS, kept_images
from winnow.curation.decide import decide
from winnow.curation.validation import assign_splits, facility_location, require_every_class, select_validation
from winnow.errors import WinnowError

SETTINGS = {
    "num_classes": 2,
    "per_class": 2,
    "max_total": 1000,
    "min_label_quality": 0.6,
    "max_ood_score": 0.1,
    "seed": 0,
}


def unit(features):
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def features(count=40, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(count, 8)))


def test_facility_location_takes_one_of_each_clump_and_the_larger_first():
    clumps = unit(np.array([[1, 0.01], [1, 0], [1, -0.01], [0, 1], [0.01, 1]]))
    picked = facility_location(clumps, 2)
    assert picked[0] in (0, 1, 2) and picked[1] in (3, 4)


def test_facility_location_gives_all_where_there_are_few():
    assert facility_location(features(3), 5).tolist() == [0, 1, 2]


def test_only_images_on_which_all_agree_are_candidates():
    frame = kept_images()
    good = [3, 7, 25, 30]
    frame["signals_agree"] = False
    frame.loc[good, "signals_agree"] = True
    assert select_validation(frame, features(), **SETTINGS).tolist() == good
    for column, bad in (("label_quality_score", 0.59), ("ood_score", 0.11), ("rule", "label_issue")):
        worse = frame.copy()
        worse.loc[3, column] = bad
        assert 3 not in select_validation(worse, features(), **SETTINGS)


def test_one_of_a_group_of_duplicates_is_a_candidate_the_best_supported():
    frame = kept_images()
    frame.loc[[2, 3, 4], "duplicate_group"] = 99
    frame.loc[3, "label_quality_score"] = 0.95
    chosen = select_validation(frame, features(), **(SETTINGS | {"per_class": 100}))
    assert not {2, 4} & set(chosen.tolist())
    frame.loc[3, "signals_agree"] = False
    chosen = select_validation(frame, features(), **(SETTINGS | {"per_class": 100}))
    assert not {2, 3, 4} & set(chosen.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_the_thresholds_of_curate_do_not_move_the_set(seed):
    rng = np.random.default_rng(seed)
    count = 300
    label, suggested = rng.integers(0, 3, (2, count))
    scores = pd.DataFrame(
        {
            "image_id": rng.permutation([f"img_{i:03d}" for i in range(count)]),
            "label": label,
            "label_quality_score": rng.random(count).round(2),
            "suggested_label": suggested,
            "suggested_confidence": rng.random(count),
            "agreeing_sources": rng.integers(0, 3, count),
            "sources": 2,
            "ood_score": rng.random(count).round(2) * (rng.random(count) < 0.3),
            "ood_detectors": rng.integers(0, 5, count),
            "duplicate_group": rng.integers(0, 250, count),
            "image_faults": "",
            "signals_agree": rng.random(count) < 0.8,
            "is_label_issue": rng.random(count) < 0.3,
            "is_ood": rng.random(count) < 0.1,
        }
    )
    scores["exact_group"] = 2 * scores["duplicate_group"] + rng.integers(0, 2, count)  # of one picture, or of two
    review = pd.DataFrame(columns=["image_id", "action", "label", "reviewer", "reason"])
    settings = SETTINGS | {"num_classes": 3, "per_class": 12}
    vectors = features(count, seed)
    sets = set()
    for quality, confidence, ood, detectors, near in (
        (0.5, 0.7, 0.5, 2, True),
        (0.0, 0.7, 0.5, 5, False),
        (0.55, 0.0, 0.2, 1, True),
        (0.3, 1.0, 0.9, 3, False),
    ):
        thresholds = THRESHOLDS | {
            "label_quality_threshold": quality,
            "relabel_confidence": confidence,
            "relabel_sources": 1,
            "max_wrong_labels": 1.0,
            "ood_threshold": ood,
            "ood_detectors": detectors,
            "drop_near_duplicates": near,
        }
        decisions = decide(scores, class_names=["a", "b", "c"], thresholds=thresholds, review=review)
        sets.add(tuple(select_validation(decisions, vectors, **settings)))
    assert len(sets) == 1 and len(sets.pop()) > 10


def test_what_a_person_kept_is_a_candidate_whatever_the_scores_say():
    frame = kept_images()
    frame["signals_agree"] = False
    frame.loc[[5, 30], "rule"] = "review"
    assert select_validation(frame, features(), **(SETTINGS | {"per_class": 1})).tolist() == [5, 30]


def test_a_class_with_too_few_candidates_adds_its_best_supported_images():
    frame = kept_images()
    frame.loc[:19, "signals_agree"] = False
    frame.loc[[4, 9], "label_quality_score"] = 0.95
    assert select_validation(frame, features(), **SETTINGS)[:2].tolist() == [4, 9]


def test_the_set_holds_ten_images_even_where_a_fifth_of_each_class_is_fewer():
    chosen = select_validation(kept_images(8), features(16), **(SETTINGS | {"per_class": 100}))
    assert np.bincount(chosen // 8).tolist() == [5, 5]


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([200, 4], [10, 3]),  # the small class gives three of four
        ([12, 4], [7, 3]),  # and the large one makes up the ten
        ([200, 1], [10, 0]),  # an only image is for training
        ([200, 200, 3], [8, 8, 2]),
    ],
)
def test_no_class_gives_its_last_image_away(sizes, chosen):
    label = np.repeat(np.arange(len(sizes)), sizes)
    frame = kept_images(-(-len(label) // 2)).iloc[: len(label)].copy()
    frame["label"] = frame["final_label"] = label
    settings = SETTINGS | {"num_classes": len(sizes), "per_class": 10 if len(sizes) == 2 else 8}
    rows = select_validation(frame, features(len(label)), **settings)
    assert np.bincount(label[rows], minlength=len(sizes)).tolist() == chosen


def test_confirmed_images_count_when_the_last_one_is_left_to_training():
    frame = kept_images(6)
    rows = select_validation(frame, features(12), **(SETTINGS | {"per_class": 100}), confirmed=np.array([0, 1, 2, 3]))
    assert len(rows[rows < 6]) == 5


def test_fewer_places_than_classes_are_refused():
    with pytest.raises(WinnowError, match=r"validation.max_total is 1, .* each of 2 classes"):
        select_validation(kept_images(), features(), **(SETTINGS | {"max_total": 1}))


def test_a_class_without_an_image_in_either_set_is_named():
    require_every_class(np.array([0, 1]), np.array([0, 1]), class_names=["cat", "owl"])
    with pytest.raises(WinnowError, match="no image to validate with is left of owl"):
        require_every_class(np.array([0, 1]), np.array([0]), class_names=["cat", "owl"])
    with pytest.raises(WinnowError, match="no image to train on is left of cat"):
        require_every_class(np.array([1]), np.array([0, 1]), class_names=["cat", "owl"])


def test_an_empty_class_gives_nothing_and_stops_nothing():
    frame = kept_images()
    frame.loc[:19, ["action", "final_label", "rule"]] = ["drop", -1, "ood"]
    assert (select_validation(frame, features(), **SETTINGS) >= 20).all()


def test_the_limits_hold():
    few = select_validation(kept_images(), features(), **(SETTINGS | {"per_class": 100}))
    assert len(few) == 10  # a fifth of each class of 20 is 8, which would be too few in all
    many = select_validation(kept_images(50), features(100), **(SETTINGS | {"per_class": 100}))
    assert len(many) == 20  # a fifth of each class of 50
    capped = select_validation(kept_images(100), features(200), **(SETTINGS | {"per_class": 100, "max_total": 10}))
    assert len(capped) == 10


def test_near_duplicates_of_validation_images_leave_training():
    frame = kept_images(3)
    frame.loc[[0, 1], "duplicate_group"] = 50
    frame.loc[5, ["action", "final_label", "rule"]] = ["drop", -1, "ood"]
    frame["confirmed_by"] = ""
    ledger = assign_splits(frame, np.array([0]), {3: 0, 5: 0}, class_names=["cat", "lynx"])
    assert ledger["split"].tolist() == ["validation", "none", "train", "none", "train", "none"]
    assert ledger["leaks_validation"].tolist() == [False, True, False, True, False, True]
    assert ledger["rule"].tolist() == ["keep", "validation_leak", "keep", "validation_leak", "keep", "ood"]
    assert ledger["counterpart"].tolist() == ["", "img_000", "", "img_000", "", ""]
    assert ledger["final_label"].tolist() == [0, -1, 0, -1, 1, -1]
    assert ledger["reason"][0].startswith("chosen for the validation set as cat")
    assert frame["action"].tolist() == ["keep"] * 5 + ["drop"]  # the input is left as it was
