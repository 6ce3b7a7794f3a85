"""A submission in figures."""

import pandas as pd
import pytest

from winnow.errors import WinnowError
from winnow.submission.lint import Finding
from winnow.submission.summary import summarize

SETS = {"training": pd.DataFrame({"label": [0, 2, 2]}), "validation": pd.DataFrame({"label": [1]})}
NAMES = ["cat", "dog", "owl"]


def test_images_and_rules_are_counted():
    found = summarize(SETS, [Finding("folders", True, "fine"), Finding("names", True, "fine")], class_names=NAMES)
    assert found.metrics == {
        "training_images": 3,
        "validation_images": 1,
        "training.per_class.cat": 1,
        "training.per_class.dog": 0,
        "training.per_class.owl": 2,
        "validation.per_class.cat": 0,
        "validation.per_class.dog": 1,
        "validation.per_class.owl": 0,
        "rules_passed": 2,
        "rules_broken": 0,
    }
    assert found.summary == "3 training and 1 validation images, all 2 rules hold"
    found.require_rules("submission")


def test_a_rule_that_is_broken_or_unchecked_ends_the_run():
    findings = [
        Finding("folders", False, "none"),
        Finding("names", True, "fine"),
        Finding("sources", None, "unchecked"),
    ]
    found = summarize(SETS, findings, class_names=NAMES)
    assert (found.metrics["rules_passed"], found.metrics["rules_broken"]) == (1, 1)
    with pytest.raises(WinnowError, match=r"out/ breaks the rules folders, sources; the table says where"):
        found.require_rules("out")
