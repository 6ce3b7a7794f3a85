"""Columns of a user's own, joined by image_id."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from review_client import arrays
from winnow.errors import WinnowError
from winnow.review.columns import MOST_VALUES, read_columns
from winnow.review.server import create_app
from winnow.review.session import Session
from workspaces import write_workspace

IDS = np.array(["a", "b", "c"], dtype=object)


def test_numbers_are_numbers_words_are_words_and_rows_come_in_the_dataset_s_order(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("image_id;camera;lux\nc;left;3.5\na;right;\nb;;-1e2\nelsewhere;left;1\n", encoding="utf-8")
    found = read_columns(path, IDS)
    np.testing.assert_array_equal(found.numbers["lux"], np.array([np.nan, -100, 3.5], np.float32))
    assert found.values == {"camera": ["left", "right"]} and found.words["camera"].tolist() == [1, -1, 0]
    assert found.warnings == (f"1 of 4 rows of {path} name no image of this dataset.",)


def test_what_is_no_filter_is_left_out_and_named(tmp_path):
    path, count = tmp_path / "own.csv", MOST_VALUES + 1
    rows = "".join(f"img_{i},note {i},\n" for i in range(count))
    path.write_text(f"image_id,note,empty\n{rows}", encoding="utf-8")
    found = read_columns(path, np.array([f"img_{i}" for i in range(count)], dtype=object))
    assert not found.numbers and not found.words
    assert [warning.partition(" of ")[0] for warning in found.warnings] == ["the column 'note'", "the column 'empty'"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image_id,x\na,1\na,2\n", "'a' twice"),
        ("image_id,x\nz,1\n", "names no image"),
        ("id,x\na,1\n", "image_id"),
        (None, "is missing"),
    ],
)
def test_each_mistake_gets_its_sentence(tmp_path, text, words):
    path = tmp_path / "own.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(WinnowError, match=words):
        read_columns(path, IDS)


def test_they_reach_the_page_beside_the_scores(tmp_path):
    folder = write_workspace(tmp_path / "animals", images=60)
    path = tmp_path / "own.csv"
    path.write_text("image_id,camera,lux\nimg_000002,left,7\n", encoding="utf-8")
    session = Session(folder, reviewer="ada", columns=path)
    client = TestClient(create_app(session, host="127.0.0.1", port=8642, token=None), base_url="http://127.0.0.1:8642")
    assert client.get("/api/dataset").json()["own"] == {"numbers": ["lux"], "words": {"camera": ["left"]}}
    points = arrays(client.get("/api/points").content)
    assert points["own:lux"][2] == 7 and np.isnan(points["own:lux"]).sum() == 59
    assert points["own:camera"][2] == 0 and (points["own:camera"] == -1).sum() == 59
