"""The share of each class whose labels are most in doubt."""

import numpy as np
import pytest

from curation_data import decided, scores

CATS = [{"label_quality_score": quality} for quality in (0.95, 0.6, 0.8, 0.7)]
LYNX = {"label": 1, "suggested_label": 1, "label_quality_score": 0.99}
TO_LYNX = {"label": 0, "suggested_label": 1, "label_quality_score": 0.01, "suggested_confidence": 0.75}


def test_the_least_likely_labels_of_each_class_go() -> None:
    result = decided(scores(*CATS, LYNX, LYNX), doubtful_share=0.5)
    assert result["final_label"].tolist() == [0, -1, 0, -1, -1, 1]  # of equals the smaller id
    assert result["rule"].tolist() == ["keep", "doubtful_label", "keep", "doubtful_label", "doubtful_label", "keep"]
    assert "among the 50% of its class that are most in doubt (given as cat, of quality 0.60)" in result["reason"][1]


def test_a_relabelled_image_counts_in_its_new_class_by_the_confidence_in_it() -> None:
    result = decided(scores(*CATS, LYNX, TO_LYNX), doubtful_share=0.5)
    assert result["action"].tolist() == ["keep", "drop", "keep", "drop", "keep", "drop"]
    assert result["rule"][5] == "doubtful_label"


def test_a_share_is_rounded_down_and_0_drops_none() -> None:
    assert decided(scores(*CATS), doubtful_share=0.49)["action"].tolist() == ["keep", "drop", "keep", "keep"]
    assert (decided(scores(*CATS, LYNX))["action"] == "keep").all()


def test_a_class_stays_at_its_floor() -> None:
    assert (decided(scores(*CATS), doubtful_share=0.75, class_floor=3)["action"] == "drop").sum() == 1
    assert (decided(scores(*CATS), doubtful_share=0.75, class_floor=9)["action"] == "drop").sum() == 0


def test_what_a_person_decided_stays() -> None:
    result = decided(scores(*CATS), review=(("img_1", "keep", 0, "ada", ""),), doubtful_share=0.5)
    assert result["action"].tolist() == ["keep", "keep", "drop", "drop"]
    assert result["decided_by"].tolist() == ["rule", "ada", "rule", "rule"]


def test_what_another_rule_dropped_does_not_count() -> None:
    result = decided(scores(*CATS, {"ood_score": 0.9, "ood_detectors": 3}), doubtful_share=0.5)
    assert result["rule"].tolist() == ["keep", "doubtful_label", "keep", "doubtful_label", "ood"]


def test_nothing_goes_where_the_probabilities_say_nothing() -> None:
    frame = scores(*({"label_quality_score": 0.1, "suggested_label": 1} for _ in range(4)))
    assert (decided(frame, doubtful_share=0.5, max_wrong_labels=0.5)["action"] == "keep").all()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_more_are_left_out_and_never_others_back_in(share) -> None:
    rng = np.random.default_rng(0)
    frame = scores(*({"label": int(i % 2), "suggested_label": int(i % 2)} for i in range(200)))
    frame["label_quality_score"] = rng.random(200)
    less, more = (decided(frame, doubtful_share=each)["action"] == "drop" for each in (share, share + 0.1))
    assert less.sum() == 2 * round(share * 100)
    assert (less & ~more).sum() == 0
