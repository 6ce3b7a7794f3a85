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
        frame.assign(label=[f"class {label}" for label in labels]).to_csv(project / f"{name}.csv", index=False)
    sets = ["--train", "train.csv", "--a", "a.csv", "--b", "b.csv", "--out", "mine"]
    quick = ["--set", "classifier.hidden=[]", "--set", "classifier.seeds=[0]", "--set", "explain.bootstraps=40"]
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    (project / ".dvc/tmp/rwlock").write_text('{"wri')  # as a kill leaves it
    assert "the answer is in mine/report/index.html" in winnow(project, "shift", *sets, *quick)
    summary = json.loads((project / "mine/metrics/summary.json").read_text())
    assert summary["rows"] == {"train": 400, "a": 400, "b": 400}
    assert "classifier.hiden is no parameter of winnow (did you mean classifier.hidden?)" in winnow(
        project, "shift", *sets, "--set", "classifier.hiden=[]", fails=True
    ).replace("\n", " ")
