"""The words with which `make repro` ends."""

import json

import pandas as pd
import pytest

from winnow import tables
from winnow.errors import WinnowError
from winnow.report.outcome import next_steps, outcome
from winnow.workspace import Workspace


def write(root, *, right: int) -> Workspace:
    """Of 100 test images of two classes the baseline knows 50, the submission `right`."""
    arms = {"baseline": 50, "submission": right}
    scores = {arm: {"balanced_accuracy": count / 100, "seeds": 1, "images": 100} for arm, count in arms.items()}
    evaluation = {arm: {"test": score, "validation": score} for arm, score in scores.items()}
    (root / "metrics/predictions").mkdir(parents=True)
    (root / "metrics/evaluation.json").write_text(json.dumps(evaluation))
    classes = pd.DataFrame(
        {"arm": arm, "split": "test", "class": name, "recall": 0.5, "images": 50} for arm in arms for name in "ab"
    )
    tables.write_csv(classes, root / "metrics/per_class.csv")
    for arm, count in arms.items():
        rows = [("test", f"img_{i}", 0, "ab"[i % 2], "ab"[(i % 2) ^ (i >= count)]) for i in range(100)]
        predictions = pd.DataFrame(rows, columns=["split", "image_id", "leaks", "label", "seed-0"])
        tables.write_csv(predictions, root / f"metrics/predictions/{arm}.csv")
    tables.write_json(root / "data/interim/classes.json", ["a", "b"])
    actions = ["keep"] * 1200 + ["relabel"] * 30 + ["drop"] * 4
    ledger = pd.DataFrame({"image_id": [f"img_{i:04d}" for i in range(1234)], "action": actions})
    tables.write_parquet(ledger, root / "data/processed/ledger.parquet")
    return Workspace(root)


@pytest.mark.parametrize(("right", "words"), [(75, "rises from 50.00% to 75.00%"), (40, "falls from 50.00% to 40.00%")])
def test_it_says_what_the_run_came_to(tmp_path, right, words):
    first, second = outcome(write(tmp_path, right=right)).splitlines()
    assert first.startswith(f"Balanced accuracy on the test set {words}") and "95% interval" in first
    assert second.startswith("Of 1,234 images 1,200 were kept, 30 relabelled and 4 dropped")


def test_before_the_first_run_it_is_one_sentence(tmp_path):
    with pytest.raises(WinnowError, match="run 'dvc repro'"):
        outcome(Workspace(tmp_path))


@pytest.mark.parametrize("uncommitted", [True, False])
def test_it_says_what_to_do_next(uncommitted):
    words = next_steps(uncommitted=uncommitted)
    assert "open report/index.html" in words and "winnow review" in words
    assert ("git commit" in words) == uncommitted
