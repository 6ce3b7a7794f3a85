"""README's figures of the sample are those that `make repro` leaves in metrics/."""

import json
import re
from pathlib import Path

import pytest

from winnow import tables
from winnow.params import load_params
from winnow.report.results import gather_results
from winnow.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
METRICS = ROOT / "metrics"


@pytest.fixture(scope="module")
def readme() -> str:
    """All of it, a blank for each run of blanks and line breaks."""
    return " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def metrics(stage: str) -> dict:
    return json.loads((METRICS / f"{stage}.json").read_text())


@pytest.fixture(scope="module")
def results():
    workspace = Workspace(ROOT)
    predictions = {arm: workspace.path("predictions", arm=arm) for arm in ("baseline", "submission")}
    return gather_results(
        metrics("evaluation"),
        workspace.table("per_class"),
        {arm: tables.read_csv(path, text=lambda column: True) for arm, path in predictions.items()},
        class_names=load_params(ROOT / "params.yaml").data.class_names,
    )


def test_the_accuracies_and_their_difference(readme, results):
    assert results.headline in readme  # both accuracies, the difference and its interval


def test_the_decisions(readme):
    counts = metrics("curate")
    kept, relabelled, dropped = (counts[action] for action in ("keep", "relabel", "drop"))
    sentence = f"Of {counts['images']:,} images {kept} were kept, {relabelled} relabelled and {dropped} dropped"
    assert sentence in readme


@pytest.mark.parametrize("fault", ["label_errors", "ood", "duplicates"])
def test_the_scorecard(readme, fault):
    card = metrics("scorecard")
    names = {"label_errors": "label errors", "ood": "out of distribution", "duplicates": "duplicates (pairs)"}
    cells = [card.get(f"{fault}.{figure}") for figure in ("precision", "recall", "f1", "auroc")]
    row = " | ".join([names[fault], *("" if cell is None else f"{cell:.3f}" for cell in cells)])
    assert re.sub(r"\s+", " ", f"| {row} |") in readme


def test_the_labels_before_and_after(readme):
    card = metrics("scorecard")
    before, after = (100 * card[f"label_errors.label_accuracy_{when}"] for when in ("before", "after"))
    assert f"Labels in the training set: {before:.1f} % right before, {after:.1f} % after" in readme
