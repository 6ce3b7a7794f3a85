"""pipelines/shift on its sample, and `winnow shift` on tables of one's own."""

import json

import numpy as np
import pandas as pd
import pytest

from small_pipelines import add_pipeline
from stub_project import winnow
from tiny_project import copy_tree, dvc

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def project(pytestconfig, tmp_path_factory):
    root = pytestconfig.rootpath
    folder = copy_tree(root, tmp_path_factory.mktemp("shift") / "winnow", {})
    add_pipeline(root, folder, "shift")
    return folder


def test_the_planted_causes_are_named_and_a_second_run_does_nothing(project):
    shift = project / "pipelines/shift"
    dvc(shift, "repro")
    summary = json.loads((shift / "metrics/summary.json").read_text())
    assert {"wrong_labels", "withheld", "leaks"} <= set(summary["named"]) and summary["named_classes"][:1] == ["4"]
    assert summary["leaked"] == {"a": 130, "b": 0} and 60 < summary["label_errors"]["b"] < 140
    assert abs(sum(part["value"] for part in summary["parts"].values()) - summary["drop"]["value"]) < 1e-9
    assert "Why did accuracy drop?" in (shift / "report/index.html").read_text()
    assert "Data and pipelines are up to date" in dvc(shift, "repro")
    assert not (project / "data/interim").exists()


def test_winnow_shift_answers_for_tables_of_ones_own(project):
    rng = np.random.default_rng(0)
    means = 2 * rng.normal(size=(3, 5))
    for name, shares in (("train", [1, 1, 1]), ("a", [1, 1, 1]), ("b", [1, 1, 4])):
        labels = rng.choice(3, 400, p=np.array(shares) / sum(shares))
        frame = pd.DataFrame(means[labels] + rng.normal(size=(400, 5)), columns=list("vwxyz"))
        if name == "b":
            labels[:20] = (labels[:20] + 1) % 3
        frame.assign(label=[f"class {label}" for label in labels]).to_csv(project / f"{name}.csv", index=False)
    sets = ["--train", "train.csv", "--a", "a.csv", "--b", "b.csv", "--out", "mine"]
    quick = ["--set", "classifier.hidden=[]", "--set", "classifier.seeds=[0]", "--set", "explain.bootstraps=40"]
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    (project / ".dvc/tmp/rwlock").write_text('{"wri')  # as a kill leaves it
    assert "the answer is in mine/report/index.html" in winnow(project, "shift", *sets, *quick)
    summary = json.loads((project / "mine/metrics/summary.json").read_text())
    assert summary["rows"] == {"train": 400, "a": 400, "b": 400} and "judged_labels" not in summary
    right_labels_are_replayed(project / "mine", before=summary)
    assert "classifier.hiden is no parameter of winnow (did you mean classifier.hidden?)" in winnow(
        project, "shift", *sets, "--set", "classifier.hiden=[]", fails=True
    ).replace("\n", " ")


def right_labels_are_replayed(mine, *, before):
    """B's first twenty labels are wrong: people correct twelve, take one out, and say that three others are right."""
    given = pd.read_parquet(mine / "data/interim/rows-b.parquet")["label"]
    rows = [f"b:row_{place:08d},relabel,class {(given[place] - 1) % 3},ada," for place in range(12)]
    rows += ["b:row_00000012,drop,,ada,", *(f"b:row_{place:08d},keep,,ada," for place in range(30, 33))]
    verdicts = mine / "data/review/decisions.csv"
    verdicts.write_text(verdicts.read_text() + "\n".join([*rows, "b:row_99999999,drop,,ada,"]) + "\n")
    said = dvc(mine, "repro")
    assert "1 of 17 rows of data/review/decisions.csv match no single image" in said and "b:row_99999999" in said
    summary = json.loads((mine / "metrics/summary.json").read_text())
    assert summary["judged_labels"] == {"b": {"judged": 16, "right": 3, "wrong": 13, "of_no_class": 1}}
    assert abs(sum(part["value"] for part in summary["parts"].values()) - summary["drop"]["value"]) < 1e-9
    assert summary["drop"]["value"] == before["drop"]["value"] and 19 < summary["label_errors"]["b"] < 22
    widths = [one["parts"]["wrong_labels"]["high"] - one["parts"]["wrong_labels"]["low"] for one in (before, summary)]
    assert widths[1] < widths[0]
    assert "People judged 16 labels of B: 13 wrong, 1 of them of no class, 3 right." in (
        (mine / "report/index.html").read_text()
    )
