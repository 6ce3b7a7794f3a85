"""The ten figures of a run, worked by hand."""

import pandas as pd

from winnow.evaluation.figures import summary_figures

EVALUATION = {
    "baseline": {"validation": {"balanced_accuracy": 0.8}, "test": {"balanced_accuracy": 0.73}},
    "submission": {"validation": {"balanced_accuracy": 0.97}, "test": {"balanced_accuracy": 0.94523}},
}
LEDGER = pd.DataFrame(
    {
        "action": ["keep", "keep", "relabel", "drop"],
        "decided_by": "rule",
        "label_quality_score": [0.9, 0.7, 0.2, 0.2],
        "suggested_label": [0, 0, 1, 1],
        "suggested_confidence": [0.9, 0.7, 0.8, 0.5],
        "final_label": [0, 0, 1, -1],
    }
)


def test_all_figures_of_a_run():
    assert summary_figures(EVALUATION, {"label_errors.label_accuracy_after": 0.981}, LEDGER) == {
        "val_raw": 0.8,
        "val": 0.97,
        "test_raw": 0.73,
        "test": 0.9452,
        "wrong_raw": 0.5,  # (0.1 + 0.3 + 0.8 + 0.8) / 4
        "wrong": 0.2,  # (0.1 + 0.3 + 0.2) / 3
        "right": 0.981,
        "keep": 2,
        "relabel": 1,
        "drop": 1,
    }


def test_what_is_not_known_is_left_out():
    without_test = {arm: {"validation": splits["validation"]} for arm, splits in EVALUATION.items()}
    assert set(summary_figures(without_test, {}, LEDGER)) == {
        *("val_raw", "val", "wrong_raw", "wrong", "keep", "relabel", "drop")
    }
    assert summary_figures({}, {}, LEDGER.assign(action="drop"))["wrong"] == 0
