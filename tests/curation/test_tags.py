"""Tags that people give images, and the pipeline replays."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.curation.tags import join_tags, read_tags, split_tags, with_tags
from winnow.errors import WinnowError

A, B = "a" * 64, "b" * 64
IMAGES = {"img_a": A, "img_b": B}


def written(tmp_path, text):
    path = tmp_path / "tags.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_cell_holds_each_tag_once_whatever_blanks_stand_around_it():
    assert split_tags(" blurry;ask  ada ; ;blurry") == ["blurry", "ask ada"]
    assert split_tags("") == []


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=";"), min_size=1), unique=True))
def test_what_is_joined_is_split_again(tags):
    tags = [tag for tag in dict.fromkeys(" ".join(tag.split()) for tag in tags) if tag]
    assert split_tags(join_tags(tags)) == tags


def test_tags_go_with_the_image_s_bytes_where_files_were_renumbered(tmp_path):
    path = written(tmp_path, f"image_id,tags,reviewer,bytes_sha256\nimg_a,blurry;night,ada,{B}\nimg_gone,x,ada,\n")
    read = read_tags(path, images=IMAGES)
    assert read.rows.to_dict("records") == [{"image_id": "img_b", "tags": "blurry; night", "reviewer": "ada"}]
    assert "1 of 2 rows" in read.warnings[0] and "img_gone (line 3)" in read.warnings[0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("img_a,x,", "line 2: 'reviewer' is empty"),
        (f"img_a,{'x' * 41},ada", "is longer than 40 letters"),
        ("img_a,x,ada\nimg_a,y,ada", "line 3: 'img_a' stands twice"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, row, words):
    with pytest.raises(WinnowError, match=r"tags\.csv, line") as error:
        read_tags(written(tmp_path, f"image_id,tags,reviewer\n{row}\n"), images=IMAGES)
    assert words in str(error.value)


def test_decisions_get_a_column_only_where_an_image_has_a_tag(tmp_path):
    decisions = pd.DataFrame({"image_id": ["img_b", "img_a"], "action": "keep"})
    none = read_tags(tmp_path / "tags.csv", images=IMAGES).rows
    assert with_tags(decisions, none) is decisions
    empty = read_tags(written(tmp_path, "image_id,tags,reviewer\nimg_a, ; ,ada\n"), images=IMAGES).rows
    assert with_tags(decisions, empty) is decisions
    one = read_tags(written(tmp_path, "image_id,tags,reviewer\nimg_a,x,ada\n"), images=IMAGES).rows
    assert with_tags(decisions, one)["tags"].tolist() == ["", "x"]
