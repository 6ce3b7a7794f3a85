"""All that is asked of two sets, its verdict, and the page that shows it."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from winnow.curation.review import no_review
from winnow.files import FILES
from winnow.report.shift_page import ShiftFacts, render_shift_page
from winnow.shift.explain import explain
from winnow.shift.planted import BLURRED, plant

NAMES = [f"c{label}" for label in range(10)]
NONE = {"models_a": "data/none", "models_b": "data/none", "label_column": "label"}


@pytest.fixture(scope="module")
def options(pytestconfig):
    params = yaml.safe_load((pytestconfig.rootpath / "pipelines/shift/params.yaml").read_text())
    return params["explain"] | {"bootstraps": 60, "permutations": 4}


def explained(found, options, *, sets=NONE, with_features=True, verdicts=None):
    nothing = np.empty((0, 0), dtype=np.float16)
    return explain(
        {"a": found.a.labels, "b": found.b.labels},
        {"a": found.a.pred_probs[None], "b": found.b.pred_probs[None]},
        {"train": found.train, "a": found.a.features, "b": found.b.features}
        if with_features
        else dict.fromkeys(("train", "a", "b"), nothing),
        train_labels=np.repeat(np.arange(10), np.arange(10, 20)),
        rows={name: pd.DataFrame({"row": [], "name": [], "label": []}) for name in ("train", "a", "b")},
        class_names=NAMES,
        training={"train_accuracy": 0.9, "validation_accuracy": 0.7, "weight_decay_1": {"a": 0.7, "b": 0.6}},
        sets=sets,
        options=options,
        verdicts=verdicts,
    )


@pytest.fixture(scope="module")
def blurred(options):
    return explained(plant("one_class", rows=1200, train_rows=1500, seed=0), options)


def test_the_verdict_names_the_class_and_every_sentence_has_its_number(blurred):
    verdict = blurred.summary["verdict"]
    assert blurred.summary["named"] == ["withheld"] and blurred.summary["named_classes"][0] == f"c{BLURRED}"
    assert f"in c{BLURRED}, for a classifier tells the sets apart" in verdict
    assert all(re.search(r"\d", sentence) for sentence in re.split(r"\. (?=[A-Z])", verdict))


def test_tables_fit_the_schemas_that_they_are_written_by(blurred):
    for name, frame in (
        ("shift_parts", blurred.parts),
        ("shift_classes", blurred.per_class),
        ("shift_slices", blurred.slices),
        ("shift_distances", blurred.by_distance),
        ("shift_scores", blurred.scores["b"]),
    ):
        FILES[name].schema.check(frame, name)


def test_what_people_found_of_labels_is_told_and_written(options):
    """Four rows of B are judged: one right, two another class, one of no class."""
    found = plant("wrong_labels", rows=600, train_rows=1500, seed=0)
    nobody, empty = (explained(found, options, verdicts=none) for none in (None, no_review()))
    assert nobody.summary == empty.summary and list(nobody.scores["b"]) == list(empty.scores["b"])
    said = [(0, "keep", -1), (1, "relabel", 3), (2, "relabel", 4), (3, "drop", -1)]
    rows = [(f"b:row_{place:08d}", action, label, "ada", "") for place, action, label in said]
    verdicts = pd.DataFrame(rows, columns=list(no_review()))
    some = explained(found, options, verdicts=verdicts)
    assert some.summary["judged_labels"] == {"b": {"judged": 4, "right": 1, "wrong": 3, "of_no_class": 1}}
    assert "People judged 4 labels of B: 3 wrong, 1 of them of no class, 1 right." in some.summary["verdict"]
    assert some.summary["accuracy"] == nobody.summary["accuracy"], "as the labels were given"
    scores = some.scores["b"]
    FILES["shift_scores"].schema.check(scores, "scores")
    assert scores["final_label"][1:4].tolist() == [3, 4, -1] and scores["decided_by"][:5].tolist() == ["ada"] * 4 + [""]
    assert scores["label_error"][:4].tolist() == [0, 1, 1, 1] and scores["slice"][3] == -1
    assert len(scores) == 600 and some.per_class["rows_b"].sum() == 599


def test_predictions_alone_give_shares_and_no_more(options):
    found = explained(plant("class_shares", rows=800, train_rows=1500, seed=0), options, with_features=False)
    assert found.summary["named"][0] == "class_shares" and "two_samples" not in found.summary
    assert set(found.summary["withheld"].values()) == {"there are no features"}
    assert len(found.slices) == 0 and found.summary["parts"]["wrong_labels"]["value"] == 0


def test_a_line_of_models_says_whether_the_drop_is_usual(options, tmp_path):
    both = plant("nothing", rows=600, train_rows=1500, seed=0)
    rng = np.random.default_rng(0)
    for name, test in (("a", both.a), ("b", both.b)):
        answers = {
            f"m{place}": np.where(rng.random(600) < 0.5 + place / 20, test.labels, (test.labels + 1) % 10)
            for place in range(8)
        }
        pd.DataFrame({"label": test.labels, **answers}).to_csv(tmp_path / f"{name}.csv", index=False)
    sets = {"models_a": str(tmp_path / "a.csv"), "models_b": str(tmp_path / "b.csv"), "label_column": "label"}
    found = explained(both, options, sets=sets).summary
    assert found["line"]["models"] == 8 and abs(found["line"]["residual"]) < 0.08
    assert "On the line of 8 models" in found["verdict"]
    assert "may be chance" in found["verdict"] and "No cause stands out from chance." in found["verdict"]


def test_the_page_says_it_all_loads_nothing_and_escapes_names(blurred):
    rows = {
        name: pd.DataFrame(
            {
                "row": [f"r{place:04d}" for place in range(1200)],
                "name": ["<b>.png"] * 1200,
                "label": blurred.scores[name]["predicted"],
                "picture": [b"png"] * 1200,
            }
        )
        for name in ("a", "b")
    }
    facts = ShiftFacts(
        summary=blurred.summary,
        parts=blurred.parts,
        classes=blurred.per_class,
        slices=blurred.slices,
        distances=blurred.by_distance,
        curve=pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "validation_loss": [1.0, 0.7], "seed": [0, 0]}),
        rows=rows,
        scores=blurred.scores,
        class_names=NAMES,
        pictures=4,
    )
    page = render_shift_page(facts)
    assert page == render_shift_page(facts)
    assert "Why did accuracy drop?" in page and f"Class c{BLURRED} is withheld" in page
    assert "&lt;b&gt;.png" in page and "<b>.png" not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
