"""`winnow.find_issues`, the whole way."""

import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import winnow
from tiny_project import picture
from warm_python import warm_python
from winnow.errors import WinnowError


def test_it_is_imported_when_it_is_asked_for():
    assert winnow.find_issues.__name__ == "find_issues"
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = winnow.no_such_thing


def test_a_folder_that_is_in_use_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WinnowError, match="give find_issues a new folder"):
        winnow.find_issues([np.zeros((4, 4), np.uint8)], ["a"], workspace=tmp_path)


@pytest.mark.pipeline
def test_arrays_in_a_frame_and_a_cleaned_dataset_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(warm_python().programs / "python3"))
    rng = np.random.default_rng(0)
    images = [picture(label, rng) for label in (0, 1) for _ in range(40)]
    labels = ["disc"] * 40 + ["bars"] * 40
    images[7], labels[7] = images[3].copy(), "disc"
    settings = {"embed.trained.epochs": 2, "embed.trained.folds": 2, "map.method": "pca"}
    found = winnow.find_issues(images, labels, workspace=tmp_path / "w", settings=settings, quiet=True)

    assert found.frame["label"].tolist() == labels
    assert found.frame.loc[3, "duplicate_group"] == found.frame.loc[7, "duplicate_group"]
    assert sorted(found.frame.loc[[3, 7], "rule"].eq("exact_duplicate")) == [False, True]
    assert set(found.frame["action"]) <= {"keep", "relabel", "drop"}
    assert "1 exact duplicate\n" in found.summary() and "of 80 labels" in found.summary()
    page = found._repr_html_()
    assert "data:image/jpeg;base64," in page and "<script" not in page

    exported = found.export(tmp_path / "cleaned", "csv")
    table = pd.read_csv(tmp_path / "cleaned/labels.csv")
    kept = found.frame[found.frame["action"] != "drop"]
    assert sum(exported.counts.values()) == 80 and len(table) == len(kept)
    with Image.open(tmp_path / "cleaned" / table["file"][0]) as image:
        assert any(np.array_equal(np.asarray(image), pixels) for pixels in images)


def test_a_path_is_read_as_scan_reads_it_and_has_its_own_labels(tmp_path):
    with pytest.raises(WinnowError, match="there is nothing at"):
        winnow.find_issues(tmp_path / "gone", workspace=tmp_path / "w")
    with pytest.raises(WinnowError, match="has its own labels, or none"):
        winnow.find_issues(str(tmp_path), ["a"], workspace=tmp_path / "w")
