"""The review file: what is read, and the sentence that each mistake gets."""

import numpy as np
import pytest

from winnow.curation.review import read_review
from winnow.errors import WinnowError

IDS = np.array(["img_a", "img_b", "img_c"])
NAMES = ["cat", "lynx"]
HEADER = "image_id,action,label,reviewer,reason\n"


def review(tmp_path, text):
    path = tmp_path / "decisions.csv"
    path.write_text(text, encoding="utf-8")
    return read_review(path, image_id=IDS, class_names=NAMES)


def test_absent_file_is_an_empty_review(tmp_path):
    result = read_review(tmp_path / "decisions.csv", image_id=IDS, class_names=NAMES)
    assert len(result) == 0 and result["label"].dtype == np.int64


def test_rows_are_read_with_labels_by_name_or_number(tmp_path):
    result = review(tmp_path, HEADER + "img_a,keep,,ada,fine\nimg_b,relabel,lynx,ada,\nimg_c,relabel,0,grace,\n")
    assert result["label"].tolist() == [-1, 1, 0]
    assert result["reviewer"].tolist() == ["ada", "ada", "grace"]
    assert result["reason"].tolist() == ["fine", "", ""]


def test_reason_column_may_be_absent(tmp_path):
    assert review(tmp_path, "image_id,action,label,reviewer\nimg_a,drop,,ada\n")["reason"].tolist() == [""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image_id,action,label\nimg_a,keep,\n", "no column 'reviewer'"),
        (HEADER + "img_x,keep,,ada,\n", "line 2: the dataset has no image 'img_x'"),
        (HEADER + "img_a,keep,,ada,\nimg_a,drop,,ada,\n", "line 3: 'img_a' was decided before, at line 2"),
        (HEADER + "img_a,remove,,ada,\n", "the action is 'remove'; it must be one of keep, relabel, drop"),
        (HEADER + "img_a,keep,,,\n", "'reviewer' is empty"),
        (HEADER + "img_a,relabel,,ada,\n", "the label is ''; it must be one of cat, lynx"),
        (HEADER + "img_a,relabel,2,ada,\n", "or a number below 2"),
        (HEADER + "img_a,keep,,Rule,\n", "'rule' stands for the pipeline's own rules"),
        (HEADER + "img_a,drop,cat,ada,\n", "a label stands beside the action 'drop'"),
    ],
)
def test_each_mistake_gets_its_sentence(tmp_path, text, words):
    with pytest.raises(WinnowError, match=r"decisions\.csv") as error:
        review(tmp_path, text)
    assert words in str(error.value)


def test_a_bare_comma_in_a_reason_cuts_nothing_off(tmp_path):
    read = review(tmp_path, HEADER + "img_a,drop,,ada,blurry, and far too dark\n")
    assert read["reason"].tolist() == ["blurry, and far too dark"]


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "decisions.csv").write_bytes(b"image_id,action,label,reviewer\n\xff\xfe,keep,,ada\n")
    with pytest.raises(WinnowError, match="UTF-8"):
        read_review(tmp_path / "decisions.csv", image_id=IDS, class_names=NAMES)
