"""`winnow why` in pipelines/competition: what the rounds did with an image, its scores, and what it harms."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from winnow.cli import app
from winnow.competition.why import find_image, round_in_words
from winnow.errors import WinnowError
from winnow.workspace import Workspace

NAMES = ("i", "ii", "iii")
IDS = ["train/0/a.png", "train/1/b.png", "val/0/a.png"]
BASE = {
    "label": 0,
    "final_label": 0,
    "rule": "",
    "flip": False,
    "drift": False,
    "label_quality_score": 0.9,
    "suggested_label": 0,
    "suggested_confidence": 0.8,
    "neighbour_label": 0,
    "neighbour_agreement": 1.0,
    "neighbour_distance": 1.0,
    "early_probability": 0.5,
    "points_harmed": 7,
    "influence": 0.1,
}
ISSUE = {"rule": "label_issue", "final_label": -1, "label_quality_score": 0.031, "suggested_label": 1}
VALUED = {
    **dict.fromkeys(("early_loss", "early_probability", "aum", "gradient_norm", "tracin", "influence"), 0.25),
    "influence_se": np.nan,
    "exact_influence": np.nan,
    "points_harmed": 7,
    "nearest_reference": "label_book/1/r.png",
}


def why(*arguments):
    return CliRunner().invoke(app, ["why", *map(str, arguments)], env={"COLUMNS": "80", "TERM": "dumb"})


@pytest.fixture
def workspace(root, tmp_path) -> Workspace:
    """Two rounds: the first image is dropped, then brought back; the second relabelled; the third left alone."""
    shutil.copy(root / "pipelines/competition/params.yaml", tmp_path)
    workspace = Workspace(tmp_path)
    pool = pd.DataFrame(
        {
            "image_id": ["label_book/1/r.png", *IDS],
            "split": ["label_book", "train", "train", "val"],
            "label": [1, 0, 1, 0],
            "image_bytes": pd.Series([b"x"] * 4, dtype=object),
        }
    )
    workspace.write("pool", pool)
    workspace.write("competition_values", pd.DataFrame([{"image_id": image, **VALUED} for image in IDS]))
    moved = {"label": 1, "final_label": 2, "rule": "neighbour_relabel", "neighbour_label": 2}
    for number, first in (("1", ISSUE), ("2", {})):
        rows = [{"image_id": image, **BASE, **row} for image, row in zip(IDS, (first, moved, {}), strict=True)]
        workspace.write("round", pd.DataFrame(rows), number=number)
    return workspace


def test_rounds_are_told_in_words_with_the_image_that_is_harmed_most(workspace, monkeypatch):
    monkeypatch.chdir(workspace.root)
    result = why("train/0/a.png")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "train/0/a.png: kept as given"
    told = " ".join(result.output.split())
    assert "Round 1: dropped by label_issue: its label quality of 0.031 is below the threshold; 1 is likelier" in told
    assert "Round 2: brought back as given: no rule speaks against its label." in told
    facts = {line[:13].strip(): line[13:].strip() for line in lines}
    assert facts["harms most"] == "label_book/1/r.png" and facts["split"] == "train" and facts["given label"] == "0"
    quality = next(line.split() for line in lines if line.lstrip().startswith("label_quality_score"))
    assert quality[1:3] == ["0.031", "0.9"]
    assert "early_loss" in told and "exact_influence" not in told, "a value that nobody took is left out"
    assert max(map(len, lines)) <= 80


def test_an_image_is_found_by_its_name_in_the_submission_too(workspace):
    for asked in ("train/1/b.png", "b.png", "train-1-b", "train-1-b.png"):
        assert "train/1/b.png: relabelled to 2" in why(asked, "--workspace", workspace.root).output


def test_a_reference_image_is_told_from_those_that_are_judged(workspace):
    result = why("r.png", "--workspace", workspace.root)
    assert result.exit_code == 0 and "in the label book" in result.output


def test_a_second_round_that_has_not_run_is_told(workspace):
    workspace.path("round", number="2").unlink()
    result = why("train/0/a.png", "--workspace", workspace.root)
    assert "train/0/a.png: dropped" in result.output and "Round 2: not yet run." in result.output


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("a.png", "2 images are called a.png: train/0/a.png, val/0/a.png; name one by its path in the archive."),
        ("train/1/bb.png", "the archive holds no image 'train/1/bb.png'; did you mean train/1/b.png"),
        ("zzzz", "the archive holds no image 'zzzz'; images are named like"),
    ],
)
def test_what_is_no_image_or_several_is_one_sentence(workspace, asked, words):
    result = why(asked, "--workspace", workspace.root)
    assert result.exit_code == 1 and result.stdout == ""
    assert words in result.stderr and result.stderr.count("\n") == 1


def test_nothing_built_yet_is_one_sentence(workspace):
    for name, parts in (("round", {"number": "1"}), ("pool", {})):
        workspace.path(name, **parts).unlink()
        result = why("train/0/a.png", "--workspace", workspace.root)
        assert result.exit_code == 1 and result.stderr.count("\n") == 1
        assert f"{workspace.path(name, **parts)} is missing; run 'dvc repro' to build it." in result.stderr


def test_an_image_that_a_round_never_saw_is_one_sentence(workspace):
    seen = workspace.table("round", number="1").iloc[1:]
    workspace.write("round", seen.reset_index(drop=True), number="1")
    assert (
        "round-1.parquet has no row for image 'train/0/a.png'"
        in why("train/0/a.png", "--workspace", workspace.root).stderr
    )


@pytest.mark.parametrize(
    ("row", "before", "words"),
    [
        ({}, None, "kept as given: no rule speaks against its label"),
        ({}, 2, "given its own label back: no rule speaks against its label"),
        ({"drift": True}, 0, "kept as given: it is of the tenth that no round touches"),
        (ISSUE, 0, "dropped by label_issue: .*; ii is likelier, with a confidence of 0.8, which is too little"),
        (ISSUE, -1, "dropped by label_issue: .*, but what a round dropped comes back under its given label alone"),
        (ISSUE | {"suggested_label": 0}, 0, "dropped by label_issue: .*; no other label is likelier"),
        (ISSUE | {"final_label": 1}, 0, "relabelled to ii by label_issue: .*; ii is likelier, with a confidence of"),
        (
            ISSUE | {"final_label": 2, "flip": True},
            2,
            "relabelled to iii by label_issue: .*; ii is likelier, .*, but a third label is not taken",
        ),
        (
            {"rule": "neighbour_drop", "final_label": -1, "neighbour_label": 1, "neighbour_distance": 3.4},
            None,
            "dropped by neighbour_drop: it is 3.4 times as far .*, and 100% of its neighbours have the label ii",
        ),
        (
            {
                "rule": "neighbour_drop",
                "final_label": -1,
                "neighbour_label": 1,
                "neighbour_agreement": 0.9,
                "neighbour_distance": 1.2,
            },
            None,
            "dropped by neighbour_drop: it is 1.2 times as far .*, and 90% of its neighbours have the label ii, "
            "so that it lies in their cluster$",
        ),
        (
            {
                "rule": "neighbour_drop",
                "final_label": -1,
                "neighbour_label": 1,
                "neighbour_agreement": 0.8,
                "neighbour_distance": 3.4,
            },
            None,
            "dropped by neighbour_drop: it is 3.4 times as far .*, and 80% of its neighbours have the label ii$",
        ),
        (
            {"rule": "neighbour_relabel", "final_label": 2, "neighbour_label": 2},
            None,
            "relabelled to iii by neighbour_relabel: 100% of its neighbours have the label iii",
        ),
        (
            {"rule": "valuation", "final_label": -1},
            None,
            "dropped by valuation: it harms 7 images of the label book",
        ),
        ({"rule": "class_floor"}, -1, "brought back as given by class_floor: its class would have too few images"),
    ],
)
def test_every_rule_has_its_words(row, before, words):
    assert re.match(words, round_in_words(pd.Series(BASE | row), before, NAMES))


def test_an_empty_name_is_no_image():
    with pytest.raises(WinnowError, match="the archive holds no image ''"):
        find_image(IDS, "")
