"""The rules of `curate`, on cases small enough to decide by hand."""

import numpy as np
import pytest

from curation_data import THRESHOLDS, decided, scores
from winnow.curation.rules import RULES, withheld

ISSUE = {"label_quality_score": 0.1, "suggested_label": 1, "suggested_confidence": 0.8}


def test_each_rule_decides_its_image():
    result = decided(
        scores(
            {},
            ISSUE,
            ISSUE | {"suggested_confidence": 0.69},
            ISSUE | {"agreeing_sources": 1},
            {"ood_score": 0.5},
            {"ood_score": 0.49},
            {"ood_score": 0.99, "ood_detectors": 1},
            {"label_quality_score": 0.1},
        )
    )
    assert result["action"].tolist() == ["keep", "relabel", "drop", "drop", "drop", "keep", "keep", "keep"]
    assert result["final_label"].tolist() == [0, 1, -1, -1, -1, 0, 0, 0]
    assert result["rule"].tolist() == [
        "keep",
        "label_issue",
        "label_issue",
        "label_issue",
        "ood",
        "keep",
        "keep",
        "keep",
    ]
    assert result["threshold"].fillna(-1).tolist() == [-1, 0.5, 0.5, 0.5, 0.5, -1, -1, -1]
    assert "relabelled to lynx" in result["reason"][1] and "2 of 2 sources" in result["reason"][1]
    assert "too little speaks for lynx: confidence 0.69 (needed: 0.7)" in result["reason"][2]
    assert (
        "out of distribution: score 0.50, the threshold is 0.5; 3 detectors find it odd (needed: 2)"
        in result["reason"][4]
    )
    assert "no other label fits better than cat" in result["reason"][7]


def test_image_faults_drop_an_image_only_where_params_name_them():
    frame = scores({"image_faults": "dark,blurry"}, {"image_faults": "grayscale"}, {}, {"ood_score": 0.9})
    assert decided(frame)["action"].tolist() == ["keep", "keep", "keep", "drop"]
    result = decided(frame, drop_image_faults=["blurry", "odd_size"])
    assert result["action"].tolist() == ["drop", "keep", "keep", "drop"]
    assert result["rule"].tolist() == ["image_fault", "keep", "keep", "ood"]
    assert result["reason"][0] == "the picture itself is at fault: blurry"
    assert result["image_faults"].tolist() == frame["image_faults"].tolist()
    people = decided(frame, review=[("img_0", "keep", -1, "ada", "")], drop_image_faults=["blurry"])
    assert people["action"][0] == "keep"


def test_of_exact_duplicates_one_without_dropping_faults_stays():
    exact = {"exact_group": 7, "duplicate_group": 7}
    frame = scores(exact | {"image_faults": "odd_size"}, exact | {"label_quality_score": 0.6})
    assert decided(frame)["action"].tolist() == ["keep", "drop"]
    assert decided(frame, drop_image_faults=["odd_size"])["action"].tolist() == ["drop", "keep"]


def test_the_floor_brings_faulty_pictures_back_before_outliers():
    frame = scores({"image_faults": "dark"}, {"ood_score": 0.6}, {})
    result = decided(frame, drop_image_faults=["dark"], class_floor=2)
    assert result["rule"].tolist() == ["class_floor", "ood", "keep"]


def test_every_decision_has_a_reason_in_words():
    result = decided(scores({}, ISSUE, {"ood_score": 0.9}))
    assert result["reason"].str.len().gt(10).all()


def test_of_exact_duplicates_the_best_supported_label_stays():
    exact = {"exact_group": 7, "duplicate_group": 7}
    result = decided(
        scores(
            exact | {"label_quality_score": 0.2, "suggested_label": 1},
            exact | {"label": 1},
            {"duplicate_group": 0},
        )
    )
    assert result["action"].tolist() == ["drop", "keep", "keep"]
    assert result["counterpart"].tolist() == ["img_1", "", ""]
    assert result["rule"][0] == "exact_duplicate"
    assert (
        "img_1, which was chosen for the group and stays (quality of its label 0.90, of this one 0.20)"
        in result["reason"][0]
    )
    assert result["flagged_label_issue"].tolist() == [True, False, False]


def test_a_reason_does_not_say_that_an_image_stays_which_is_dropped():
    exact = {"exact_group": 7, "duplicate_group": 7, "ood_score": 0.9}
    result = decided(scores(exact, exact | {"label_quality_score": 0.6}))
    assert result["action"].tolist() == ["drop", "drop"]
    assert "chosen for the group and is dropped as well" in result["reason"][1]


def test_a_group_whose_every_label_is_wrong_leaves_one_relabelled_image():
    exact = {"exact_group": 7, "duplicate_group": 7} | ISSUE
    result = decided(scores(exact, exact | {"label_quality_score": 0.05}))
    assert result["action"].tolist() == ["relabel", "drop"]


def test_a_rule_is_off_while_its_switch_is_false_or_0_or_empty():
    off = {"drop_near_duplicates": False, "drop_image_faults": [], "neighbour_rules": False}
    off |= {"points_harmed": 0, "doubtful_share": 0.0}
    on = {"drop_near_duplicates": True, "drop_image_faults": ["dark"], "neighbour_rules": True}
    on |= {"points_harmed": 1, "doubtful_share": 0.1}
    assert [rule.name for rule in RULES if not rule.is_on(THRESHOLDS | off)] == [
        "near_duplicate",
        "image_fault",
        "neighbour_relabel",
        "neighbour_drop",
        "valuation",
        "doubtful_label",
    ]
    assert all(rule.is_on(THRESHOLDS | on) for rule in RULES)


@pytest.mark.parametrize(("drop", "actions"), [(True, ["keep", "drop"]), (False, ["keep", "keep"])])
def test_near_duplicates_stay_where_asked(drop, actions):
    near = {"duplicate_group": 7}
    assert decided(scores(near, near), drop_near_duplicates=drop)["action"].tolist() == actions


def test_a_copy_is_called_exact_only_of_an_image_with_its_own_pixels():
    frame = scores(*[{"exact_group": exact, "duplicate_group": 7} for exact in (3, 3, 4)])
    frame["label_quality_score"] = [0.7, 0.8, 0.9]
    assert decided(frame)["rule"].tolist() == ["near_duplicate", "near_duplicate", "keep"]
    assert decided(frame, drop_near_duplicates=False)["rule"].tolist() == ["exact_duplicate", "keep", "keep"]
    frame["label_quality_score"] = [0.7, 0.9, 0.8]
    assert decided(frame)["rule"].tolist() == ["exact_duplicate", "keep", "near_duplicate"]


def test_of_two_pictures_that_resemble_each_other_one_copy_each_stays_where_near_ones_may():
    frame = scores(*[{"exact_group": exact, "duplicate_group": 7} for exact in (3, 3, 4, 4)])
    assert decided(frame)["action"].tolist() == ["keep", "drop", "drop", "drop"]
    assert decided(frame, drop_near_duplicates=False)["action"].tolist() == ["keep", "drop", "keep", "drop"]


def test_of_copies_the_one_with_the_most_pixels_stays_where_asked():
    near = {"duplicate_group": 7}
    frame = scores(near, near, near | {"label_quality_score": 0.6}, near | {"ood_score": 0.9})
    frame["width"], frame["height"] = [64, 100, 200, 900], [64, 100, 50, 900]
    assert decided(frame)["action"].tolist() == ["keep", "drop", "drop", "drop"]
    result = decided(frame, duplicate_keeper="resolution")
    assert result["action"].tolist() == ["drop", "keep", "drop", "drop"], "as many pixels, and the better label"
    assert "img_1, which was chosen for the group by its resolution and stays" in result["reason"][2]


def test_of_copies_the_least_blurry_one_stays_where_asked():
    frame = scores(*[{"duplicate_group": 7}] * 3)
    frame["blurry_score"] = [0.2, 0.7, 0.4]
    result = decided(frame, duplicate_keeper="sharpness")
    assert result["action"].tolist() == ["drop", "keep", "drop"]
    assert "img_1, which was chosen for the group by its sharpness and stays" in result["reason"][0]


def test_people_beat_every_rule():
    exact = {"exact_group": 7, "duplicate_group": 7}
    frame = scores(ISSUE, {"ood_score": 0.9}, {}, exact, exact | {"label_quality_score": 0.6}, {"duplicate_group": 0})
    result = decided(
        frame,
        review=[
            ("img_0", "keep", -1, "ada", "a young cat"),
            ("img_1", "relabel", 2, "ada", ""),
            ("img_2", "drop", -1, "grace", ""),
            ("img_4", "keep", -1, "grace", ""),
        ],
    )
    assert result["action"].tolist() == ["keep", "relabel", "drop", "drop", "keep", "keep"]
    assert result["final_label"].tolist() == [0, 2, -1, -1, 0, 0]
    assert result["decided_by"].tolist() == ["ada", "ada", "grace", "rule", "grace", "rule"]
    assert result["counterpart"][3] == "img_4"
    assert result["reason"][0] == "kept by ada: a young cat"
    assert result["reason"][1] == "relabelled from cat to wolf by ada"


def test_a_duplicate_takes_the_place_of_a_keeper_that_a_person_dropped():
    exact = {"exact_group": 7, "duplicate_group": 7}
    result = decided(
        scores(exact, exact | {"label_quality_score": 0.6}),
        review=[("img_0", "drop", -1, "ada", "a drawing")],
    )
    assert result["action"].tolist() == ["drop", "keep"]


def test_the_floor_brings_back_the_least_suspicious_first():
    weak = ISSUE | {"suggested_confidence": 0.5}
    frame = scores(
        {},
        weak,
        weak | {"label_quality_score": 0.2},
        {"ood_score": 0.6},
        {"ood_score": 0.8},
        {"label": 2, "suggested_label": 2},
    )
    assert decided(frame, class_floor=2)["action"].tolist() == [
        "keep",
        "drop",
        "keep",
        "drop",
        "drop",
        "keep",
    ]
    result = decided(frame, class_floor=4)
    assert result["action"].tolist() == ["keep", "keep", "keep", "keep", "drop", "keep"]
    assert result["rule"].tolist() == ["keep", "class_floor", "class_floor", "class_floor", "ood", "keep"]
    assert "brought back with its label cat" in result["reason"][3]


def test_the_floor_takes_a_relabelled_image_back_only_from_a_class_that_can_spare_it():
    lynx = {"label": 1, "suggested_label": 1}
    rich = decided(scores(ISSUE, lynx, lynx), class_floor=1)
    assert rich["final_label"].tolist() == [0, 1, 1]
    poor = decided(scores(ISSUE), class_floor=1)
    assert poor["final_label"].tolist() == [1]


def test_a_higher_floor_protects_a_small_class_no_less():
    """Four cats, all taken for dogs, and four dogs: a floor of four and one of twenty both bring the cats back."""
    frame = scores(*[ISSUE] * 4, *[{"label": 1, "suggested_label": 1}] * 4)
    for floor in (4, 20):
        assert decided(frame, class_floor=floor)["final_label"].tolist() == [0] * 4 + [1] * 4


def test_the_floor_never_undoes_what_a_person_decided():
    frame = scores({"ood_score": 0.9}, {})
    result = decided(frame, review=[("img_0", "drop", -1, "ada", ""), ("img_1", "drop", -1, "ada", "")], class_floor=2)
    assert result["action"].tolist() == ["drop", "drop"]


def test_random_tables_keep_their_invariants():
    rng = np.random.default_rng(0)
    for _ in range(20):
        count = 200
        frame = scores(*[{}] * count)
        frame["label"] = rng.integers(0, 3, count)
        frame["suggested_label"] = rng.integers(0, 3, count)
        frame["label_quality_score"] = rng.random(count)
        frame["suggested_confidence"] = rng.random(count)
        frame["ood_score"] = rng.random(count)
        frame["ood_detectors"] = rng.integers(0, 4, count)
        frame["duplicate_group"] = rng.integers(0, 150, count)
        frame["exact_group"] = frame["duplicate_group"]
        result = decided(frame, class_floor=20)
        assert result["image_id"].tolist() == frame["image_id"].tolist()
        assert ((result["final_label"] == -1) == (result["action"] == "drop")).all()
        assert (result["final_label"][result["action"] == "keep"] == result["label"][result["action"] == "keep"]).all()
        assert (
            result["final_label"][result["action"] == "relabel"] != result["label"][result["action"] == "relabel"]
        ).all()
        kept = result[result["action"] != "drop"]
        assert kept["duplicate_group"].is_unique
        replaced = result[result["counterpart"] != ""]
        groups = result.set_index("image_id")["duplicate_group"]
        assert (groups[replaced["counterpart"]].to_numpy() == replaced["duplicate_group"].to_numpy()).all()
        own = result[(result["counterpart"] == "") & (result["action"] != "relabel")]
        available = own.groupby("label").size().reindex(range(3), fill_value=0)
        kept_per_class = kept.groupby("final_label").size().reindex(range(3), fill_value=0)
        assert (kept_per_class >= np.minimum(available, 20)).all()


def test_label_issues_are_withheld_where_most_labels_would_be_wrong():
    def four(quality, most):
        row = ISSUE | {"label_quality_score": quality}
        frame = decided(scores(row, row, row, row), max_wrong_labels=most)
        return frame, withheld(frame, THRESHOLDS | {"max_wrong_labels": most})

    hopeless, sentences = four(0.39, 0.6)
    assert (hopeless["action"] == "keep").all() and not hopeless["flagged_label_issue"].any()
    assert "61% of the labels would be wrong, more than curate.max_wrong_labels (60%)" in sentences[0]
    for quality, most in ((0.4, 0.6), (0.0, 1.0)):
        bad, sentences = four(quality, most)
        assert (bad["action"] == "relabel").all() and sentences == []
