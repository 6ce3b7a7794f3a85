"""The rules that are off by default: what neighbours alone say, and what harms trusted images."""

import numpy as np
import pytest

from curation_data import decided, scores
from winnow.curation.estimates import final_label_probability

ANOTHER = {"neighbour_label": 2}  # wolf
FAR = ANOTHER | {"neighbour_agreement": 0.6, "neighbour_distance": 3.1}


def test_they_take_nothing_until_asked_for():
    frame = scores(ANOTHER, FAR, {"points_harmed": 9, "influence": 1.0})
    assert decided(frame)["rule"].tolist() == ["keep"] * 3


def test_neighbours_relabel_and_drop():
    frame = scores(ANOTHER, ANOTHER | {"neighbour_agreement": 0.95}, FAR, FAR | {"neighbour_distance": 3.0}, {})
    found = decided(frame, neighbour_rules=True)
    assert found["rule"].tolist() == ["neighbour_relabel", "keep", "neighbour_drop", "keep", "keep"]
    assert found["action"].tolist() == ["relabel", "keep", "drop", "keep", "keep"]
    assert found["final_label"].tolist() == [2, 0, -1, 0, 0]
    assert found["reason"][0] == "100% of its nearest neighbours are wolf (needed: 100%); relabelled from cat"
    assert found["reason"][2] == (
        "3.1 times as far from the nearest cat as is usual (allowed: 3), and most of its neighbours are wolf"
    )
    assert decided(frame, neighbour_rules=True, neighbour_relabel=0.9)["final_label"].tolist() == [2, 2, -1, 0, 0]


def test_an_image_in_another_cluster_is_dropped_where_that_is_asked_for():
    inside = ANOTHER | {"neighbour_agreement": 0.9, "neighbour_distance": 1.2}
    frame = scores(inside, inside | {"neighbour_agreement": 0.85}, inside | {"neighbour_distance": 3.1}, ANOTHER, {})
    assert decided(frame, neighbour_rules=True)["action"].tolist() == ["keep", "keep", "drop", "relabel", "keep"]
    assert decided(frame, neighbour_drop_cluster=True)["action"].tolist() == ["keep"] * 5  # the rules are off
    found = decided(frame, neighbour_rules=True, neighbour_drop_cluster=True)
    assert found["rule"].tolist() == ["neighbour_drop", "keep", "neighbour_drop", "neighbour_relabel", "keep"]
    assert found["final_label"].tolist() == [-1, 0, -1, 2, 0]
    assert found["reason"][0] == (
        "90% of its nearest neighbours are wolf, so that it lies in their cluster (allowed: less than 90%); "
        "1.2 times as far from the nearest cat as is usual"
    )
    assert found["reason"][2] == (
        "3.1 times as far from the nearest cat as is usual (allowed: 3), and most of its neighbours are wolf"
    )


def test_label_issues_win_and_a_person_beats_both():
    issue = ANOTHER | {"label_quality_score": 0.1, "suggested_label": 1, "suggested_confidence": 0.8}
    assert decided(scores(issue), neighbour_rules=True)["rule"][0] == "label_issue"
    kept = decided(scores(ANOTHER), review=[("img_0", "keep", -1, "ada", "")], neighbour_rules=True)
    assert kept["action"][0] == "keep"


def test_where_features_tell_nothing_of_classes_neighbours_are_not_asked():
    frame = scores(ANOTHER | {"label_quality_score": 0.2}, {"label_quality_score": 0.2})
    found = decided(frame, neighbour_rules=True, max_wrong_labels=0.5)
    assert found["rule"].tolist() == ["keep", "keep"]


def test_the_class_floor_brings_them_back():
    frame = scores(ANOTHER, FAR, {"label": 2, "suggested_label": 2, "neighbour_label": 2})
    found = decided(frame, neighbour_rules=True, class_floor=2)
    assert found["rule"].tolist() == ["class_floor", "class_floor", "keep"]


def test_a_class_that_two_rules_gave_to_keeps_its_own_floor():
    """Each would spare one image of cat, which can spare one in all."""
    cat, lynx = {}, {"label": 1, "suggested_label": 1, "neighbour_label": 1}
    by_issue = lynx | {"label_quality_score": 0.1, "suggested_label": 0, "suggested_confidence": 0.9}
    frame = scores(cat, cat, cat, by_issue, lynx | {"neighbour_label": 0})
    people = [("img_0", "drop", -1, "ada", ""), ("img_1", "drop", -1, "ada", "")]
    found = decided(frame, review=people, neighbour_rules=True, class_floor=2)
    assert (found["final_label"] == 0).sum() == 2 and (found["final_label"] == 1).sum() == 1


def test_a_ledger_without_neighbours_is_decided_on_without_them():
    frame = scores(ANOTHER, {}).drop(columns=["neighbour_label", "neighbour_agreement", "neighbour_distance"])
    assert decided(frame, neighbour_rules=True)["rule"].tolist() == ["keep", "keep"]


def test_an_image_whose_label_nobody_else_has_is_far_in_words():
    found = decided(scores(FAR | {"neighbour_distance": np.inf}, {}), neighbour_rules=True)
    assert found["reason"][0] == "no other image is cat, and most of its neighbours are wolf"


def test_a_label_that_neighbours_gave_is_at_most_as_likely_as_the_suggested_one_leaves():
    both = ANOTHER | {"suggested_confidence": 0.9}  # for cat
    found = decided(scores(both, both | {"suggested_label": 2}, {}), neighbour_rules=True)
    np.testing.assert_allclose(final_label_probability(found), [0.1, 0.9, 0.9])


@pytest.mark.parametrize(("least", "most", "dropped"), [(1, 1.0, [0, 1]), (2, 1.0, [0]), (1, 0.25, [0]), (1, 0.2, [])])
def test_harmful_images_go_the_worst_first_and_no_more_than_allowed(least, most, dropped):
    harm = {"influence": 0.1, "nearest_reference": "img_9"}
    frame = scores(harm | {"points_harmed": 2}, *(harm | {"points_harmed": count} for count in (1, 0, 0)))
    found = decided(frame, points_harmed=least, valuation_max_share=most)
    assert np.flatnonzero(found["action"] == "drop").tolist() == dropped
    assert set(found["rule"][dropped]) <= {"valuation"}
    if dropped:
        assert found["reason"][0] == (
            "training on it raises the loss of 2 reference images more than nearly all others do "
            f"(needed: {least}), most of all that of img_9"
        )
