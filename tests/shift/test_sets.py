"""Sets as they come in: images, tables and predictions, classes numbered alike."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from winnow.errors import WinnowError
from winnow.files import SETS
from winnow.shift import feature_table
from winnow.shift.sample import make_sample
from winnow.shift.sets import read_sets

NONE = ("train", "predictions_a", "predictions_b", "models_a", "models_b")


@pytest.fixture
def options(root, tmp_path):
    params = yaml.safe_load((root / "pipelines/shift/params.yaml").read_text())
    return params["sets"] | dict.fromkeys(NONE, "data/none")


@pytest.fixture
def targets(tmp_path):
    return {name: tmp_path / f"out/{name}.npy" for name in SETS}


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "scratch"


def table(path, labels, width=3):
    rng = np.random.default_rng(len(labels))
    frame = pd.DataFrame(rng.normal(size=(len(labels), width)), columns=[f"f{i}" for i in range(width)])
    frame.assign(label=labels).to_csv(path, index=False)
    return str(path)


def test_images_have_features_facts_and_pictures(options, targets, scratch, tmp_path):
    sample = make_sample(seed=1, rows=120, leaked=0.1, wrong_labels=0.0, hard_share=0.3, blurred=False)
    for name, content in sample.archives.items():
        (tmp_path / f"{name}.zip").write_bytes(content)
    options |= {name: str(tmp_path / f"{name}.zip") for name in SETS}
    found = read_sets(options, targets, embed={}, scratch=scratch)
    assert found.class_names == [str(digit) for digit in range(10)]
    rows = found.rows["b"]
    assert len(rows) == 120 and rows["row"].is_monotonic_increasing
    truth = sample.truth[sample.truth["set"] == "b"].set_index("file_name")["label"]
    assert (rows["label"].to_numpy() == truth[rows["name"]].to_numpy()).all()
    assert (rows["width"] == 24).all() and (rows["greyness"] == 0).all() and rows["picture"].map(len).min() > 100
    features = np.load(targets["b"])
    assert features.shape == (120, 144) and features.dtype == np.float16 and 0 <= features.min() < features.max() <= 1


def test_tables_share_the_classes_of_the_training_set_in_the_order_of_their_numbers(
    options, targets, scratch, tmp_path
):
    options |= {
        "train": table(tmp_path / "t.csv", [10, 9, 2, 2]),
        "a": table(tmp_path / "a.csv", [9, 2]),
        "b": table(tmp_path / "b.csv", [10]),
    }
    found = read_sets(options, targets, embed={}, scratch=scratch)
    assert found.class_names == ["2", "9", "10"]
    assert [found.rows[name]["label"].tolist() for name in SETS] == [[2, 1, 0, 0], [1, 0], [2]]
    assert found.summary == "train 4, a 2, b 1 rows of 3 classes, 3 features"


def test_what_does_not_fit_together_is_said(options, targets, scratch, tmp_path):
    paths = {"train": table(tmp_path / "t.csv", ["x", "y"]), "a": table(tmp_path / "a.csv", ["x"])}
    with pytest.raises(WinnowError, match=r"sets.train and sets.predictions_a are both data/none"):
        read_sets(options, targets, embed={}, scratch=scratch)
    with pytest.raises(WinnowError, match=r"b.csv has the class 'z', which the training set .* lack"):
        read_sets(options | paths | {"b": table(tmp_path / "b.csv", ["z"])}, targets, embed={}, scratch=scratch)
    with pytest.raises(WinnowError, match=r"differ in their features \(train 3, a 3, b 4\)"):
        read_sets(
            options | paths | {"b": table(tmp_path / "b.csv", ["x"], width=4)}, targets, embed={}, scratch=scratch
        )
    with pytest.raises(WinnowError, match="go together; name both or neither"):
        read_sets(options | {"predictions_a": "p.csv"}, targets, embed={}, scratch=scratch)


def test_a_run_after_a_kill_goes_on_although_dvc_removes_the_outs(options, targets, scratch, tmp_path, monkeypatch):
    """It is killed in the last block of the training set, and then in the last of A; each has three, noted by twos."""
    labels = np.arange(40) % 4
    options |= {name: table(tmp_path / f"{name}.csv", labels) for name in SETS}
    parsed, blocks, fatal = feature_table._parsed, [], []

    def killed(*arguments):
        if len(blocks) in fatal:
            fatal.remove(len(blocks))
            raise KeyboardInterrupt
        blocks.append(arguments[-1])
        return parsed(*arguments)

    def run():
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        rows = read_sets(options, targets, embed={}, scratch=scratch).rows
        return [(rows[name]["label"].tolist(), targets[name].read_bytes()) for name in SETS]

    whole = run()
    monkeypatch.setattr(feature_table, "_BLOCK", 1000)
    monkeypatch.setattr(feature_table, "NOTE_EVERY", 2)
    monkeypatch.setattr(feature_table, "_parsed", killed)
    fatal += [2, 5]
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run()
    assert run() == whole
    assert [sum(f"{name}.csv" in where for where in blocks) for name in SETS] == [3, 3, 3], "no block is read twice"


def test_features_that_were_written_over_are_not_taken_for_read(options, targets, scratch, tmp_path):
    """The training set is read, left out, and read again, each time before a fault in B stops the run."""
    labels = np.arange(40) % 4
    options |= {name: table(tmp_path / f"{name}.csv", labels) for name in SETS}
    good = (tmp_path / "b.csv").read_text()
    (tmp_path / "b.csv").write_text(good.replace(good.splitlines()[3], "no,numbers,here", 1))
    predictions = {f"predictions_{name}": str(tmp_path / f"p{name}.csv") for name in ("a", "b")}
    for path in predictions.values():
        Path(path).write_text("label,0,1,2,3\n0,0.7,0.1,0.1,0.1\n")
    for changes in ({}, {"train": "data/none"} | predictions):
        with pytest.raises(WinnowError, match=r"b\.csv"):
            read_sets(options | changes, targets, embed={}, scratch=scratch)
    (tmp_path / "b.csv").write_text(good)
    read_sets(options, targets, embed={}, scratch=scratch)
    assert (np.load(targets["train"]) == np.load(targets["a"])).all() and np.load(targets["train"]).any()


def test_predictions_alone_are_enough(options, targets, scratch, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"p{name}.csv").write_text("label,cat,dog\ncat,0.9,0.1\n")
    options |= {f"predictions_{name}": str(tmp_path / f"p{name}.csv") for name in ("a", "b")}
    found = read_sets(options | {"a": "data/none", "b": "data/none"}, targets, embed={}, scratch=scratch)
    assert found.class_names == ["cat", "dog"] and [len(rows) for rows in found.rows.values()] == [0, 0, 0]
    assert np.load(targets["a"]).shape == (0, 0)
