"""What `winnow.find_issues` refuses; the notebook in docs/tutorials runs it the whole way."""

import shutil

import numpy as np
import pytest

import winnow
from winnow.errors import WinnowError


def test_it_is_imported_when_it_is_asked_for():
    assert winnow.find_issues.__name__ == "find_issues"
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = winnow.no_such_thing


def test_a_folder_that_is_in_use_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WinnowError, match="give find_issues a new folder"):
        winnow.find_issues([np.zeros((4, 4), np.uint8)], ["a"], workspace=tmp_path)


def test_a_path_is_read_as_scan_reads_it_and_has_its_own_labels(tmp_path):
    with pytest.raises(WinnowError, match="there is nothing at"):
        winnow.find_issues(tmp_path / "gone", workspace=tmp_path / "w")
    with pytest.raises(WinnowError, match="has its own labels, or none"):
        winnow.find_issues(str(tmp_path), ["a"], workspace=tmp_path / "w")


def test_settings_are_held_against_the_images_before_anything_is_written(tmp_path):
    inputs = [np.full((32, 32), level, np.uint8) for level in (0, 80, 160, 240)]
    for settings, words in (
        ({"data.archive": "x"}, "leave the setting data.archive out"),
        ({"data.split": "x"}, "has no splits"),
    ):
        with pytest.raises(WinnowError, match=words):
            winnow.find_issues(inputs, ["a", "a", "b", "b"], workspace=tmp_path / "w", settings=settings)
        assert not (tmp_path / "w").exists()
        shutil.rmtree(tmp_path / "w-images")
