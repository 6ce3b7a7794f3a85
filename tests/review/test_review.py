"""The review files: what is read, which image a row is about, and the sentence that each mistake gets."""

import numpy as np
import pytest

from winnow.curation.review import read_confirmations, read_review, seen_by_people
from winnow.errors import WinnowError

A, B, C, D = (letter * 64 for letter in "abcd")
IMAGES = {"img_a": A, "img_b": B, "img_c": C}
NAMES = ["cat", "lynx"]
HEADER = "image_id,action,label,reviewer,reason\n"
DIGESTS = "image_id,action,label,reviewer,bytes_sha256,reason\n"


def review(tmp_path, text, images=IMAGES):
    path = tmp_path / "decisions.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_review(path, images=images, class_names=NAMES)


def actions(found) -> dict[str, str]:
    return dict(zip(found.rows["image_id"], found.rows["action"], strict=True))


def test_absent_file_is_an_empty_review(tmp_path):
    result = read_review(tmp_path / "decisions.csv", images=IMAGES, class_names=NAMES)
    assert len(result.rows) == 0 and result.rows["label"].dtype == np.int64 and result.warnings == ()


def test_rows_are_read_with_labels_by_name_or_number(tmp_path):
    result = review(tmp_path, HEADER + "img_a,keep,,ada,fine\nimg_b,relabel,lynx,ada,\nimg_c,relabel,0,grace,\n").rows
    assert result["label"].tolist() == [-1, 1, 0]
    assert result["reviewer"].tolist() == ["ada", "ada", "grace"]
    assert result["reason"].tolist() == ["fine", "", ""]


def test_reason_column_may_be_absent(tmp_path):
    assert review(tmp_path, "image_id,action,label,reviewer\nimg_a,drop,,ada\n").rows["reason"].tolist() == [""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image_id,action,label\nimg_a,keep,\n", "no column 'reviewer'"),
        ("", "no column 'image_id'"),
        ("image_id,action,label,reviewer,reviewer\n", "two columns 'reviewer'"),
        (HEADER + "img_a,keep,,ada,\nimg_a,drop,,ada,\n", "line 3: 'img_a' was decided before, at line 2"),
        (HEADER + "img_a,remove,,ada,\n", "the action is 'remove'; it must be one of keep, relabel, drop"),
        (HEADER + "img_a,keep,,,\n", "'reviewer' is empty"),
        (HEADER + "img_a,relabel,,ada,\n", "the label is ''; it must be one of cat, lynx"),
        (HEADER + "img_a,relabel,2,ada,\n", "or a number below 2"),
        (HEADER + "img_a,keep,,Rule,\n", "'rule' stands for the pipeline's own rules"),
        (HEADER + "img_a,drop,cat,ada,\n", "a label stands beside the action 'drop'"),
        (HEADER + "img_a,drop\n", "line 2: 'reviewer' is empty"),
        (HEADER + "img_a,relabel,1.0,ada,\n", "the label is '1.0'"),
        (HEADER + "<<<<<<< HEAD\nimg_a,drop,,ada,\n=======\nimg_b,keep,,bob,\n", "line 2: git left a merge conflict"),
        (HEADER.replace(",", "|") + "img_a|drop||ada|\n", "no column 'image_id'"),
        (DIGESTS + "img_a,drop,,ada,blurry,\n", "line 2: the bytes_sha256 is 'blurry', which is no sha256"),
        ("image_id,action,label,reviewer\nimg_a,drop,,ada,oh,dear\n", "line 2: there are more cells than columns"),
    ],
)
def test_each_mistake_gets_its_sentence(tmp_path, text, words):
    with pytest.raises(WinnowError, match=r"decisions\.csv") as error:
        review(tmp_path, text)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_bare_comma_in_a_reason_cuts_nothing_off(tmp_path):
    read = review(tmp_path, HEADER + "img_a,drop,,ada,blurry, and far too dark\n").rows
    assert read["reason"].tolist() == ["blurry, and far too dark"]


ROWS = ["image_id,action,label,reviewer,reason", "img_a,keep,,ada,schön", "img_b,relabel,lynx,ada,", "img_c,drop,,ada,"]


@pytest.mark.parametrize(
    "text",
    [
        "\r\n".join(ROWS) + "\r\n",
        "\ufeff" + "\r\n".join(ROWS).replace(",", ";"),
        "sep=;\r\n" + "\r\n".join(ROWS).replace(",", ";"),
        "\n".join(ROWS).replace(",", "\t"),
        "\n".join([ROWS[0], "", *ROWS[1:3], ",,,,", "  ", ROWS[3], ",,,,", ""]),
        "\n".join(f"{row};;".replace(",", ";") for row in ROWS),  # columns that a spreadsheet took for used
        "\n".join(",".join(f'"{cell}"' for cell in row.split(",")) for row in ROWS),
        "\r".join(ROWS),
        "\n".join(row.replace(",", " , ") for row in ROWS),
        "\n".join(row.replace(",", "\u00a0,") for row in ROWS),
        ",,,,\n" + "\n".join(ROWS),
    ],
    ids=[
        *("CRLF", "semicolons and a BOM", "sep=", "tabs", "empty rows", "empty columns", "all quoted", "CR", "blanks"),
        *("hard blanks", "an empty first row"),
    ],
)
def test_a_file_that_a_spreadsheet_saved_is_read(tmp_path, text):
    found = review(tmp_path, text)
    assert actions(found) == {"img_a": "keep", "img_b": "relabel", "img_c": "drop"}
    assert found.rows["reason"].tolist() == ["schön", "", ""] and found.rows["label"].tolist() == [-1, 1, -1]


@pytest.mark.parametrize("name", ["decisions.xlsx", "decisions.ods", "decisions (1).xls"])
def test_a_spreadsheet_in_the_place_of_the_file_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(WinnowError, match=r"decisions\.csv is missing, but .* is there; save it as decisions"):
        read_review(tmp_path / "decisions.csv", images=IMAGES, class_names=NAMES)
    assert actions(review(tmp_path, "\n".join(ROWS)))["img_c"] == "drop"


def test_a_class_is_the_same_in_composed_and_decomposed_letters(tmp_path):
    path = tmp_path / "decisions.csv"
    for written, named in (("Ba\u0308r", "B\u00e4r"), ("B\u00e4r", "Ba\u0308r")):
        path.write_text(HEADER + f"img_a,relabel,{written},ada,\n", encoding="utf-8")
        assert read_review(path, images=IMAGES, class_names=["cat", named]).rows["label"].tolist() == [1]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_text_that_is_not_utf_8_is_named(tmp_path, encoding):
    with pytest.raises(WinnowError, match=r"UTF-8.*Excel calls 'CSV UTF-8'"):
        review(tmp_path, "\n".join(ROWS).encode(encoding))


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (['img_a,drop,,ada,"blurry', "img_b,keep,,ada,", "img_c,keep,,ada,"], 2),  # open to the end
        (["img_a,drop,,ada,", 'img_b,keep,,ada,"sharp', 'img_c,keep,,ada,so"'], 3),  # closed by chance
        (['img_a,drop,,ada,"blurry', 'img_b,keep,,ada,"sharp"'], 2),  # met by a quote of its own
        (['img_a,drop,,"ada,', "img_b,keep,,ada,", 'img_c,keep,,"ada",'], 2),  # in another column
        (['img_a,drop,,ada,"two', 'lines"'], 2),
    ],
)
def test_a_quote_left_open_swallows_no_verdict(tmp_path, rows, line):
    with pytest.raises(WinnowError, match=f"line {line}: .*quote"):
        review(tmp_path, HEADER + "\n".join(rows) + "\n")


def test_rows_of_images_that_are_gone_are_counted_and_stop_nothing(tmp_path):
    text = HEADER + "img_x,keep,,ada,\nimg_a,drop,,ada,\nimg_y,relabel,owl,ada,\nimg_,drop,,ada,\nimg_Z,keep,,ada,\n"
    found = review(tmp_path, text)
    assert actions(found) == {"img_a": "drop"}
    assert found.warnings == (
        f"4 of 5 rows of {tmp_path / 'decisions.csv'} match no single image of the dataset and have no effect: "
        "img_x (line 2), img_y (line 4), img_ (line 5) and 1 more.",
    )


@pytest.mark.parametrize(
    ("rows", "images", "expected"),
    [
        # Renumbered: every file moved up by one, and a new one came first.
        (
            {"img_a": A, "img_b": B},
            {"img_a": D, "img_b": A, "img_c": B},
            {"img_b": "img_a", "img_c": "img_b"},
        ),
        # Two images changed places.
        ({"img_a": A, "img_b": B}, {"img_a": B, "img_b": A}, {"img_b": "img_a", "img_a": "img_b"}),
        # A new file took the name of one that is gone.
        ({"img_a": A}, {"img_a": D}, {}),
        # It was renamed, as when a second 003.png gave 003.jpg a longer id.
        ({"img_003": A}, {"img_003-jpg": A, "img_003-png": B}, {"img_003-jpg": "img_003"}),
        # Without a digest the name is all there is.
        ({"img_a": ""}, {"img_a": D}, {"img_a": "img_a"}),
        # Copies: the name tells which; without it, nothing does.
        ({"img_b": A}, {"img_a": A, "img_b": A}, {"img_b": "img_b"}),
        ({"img_x": A}, {"img_a": A, "img_b": A}, {}),
        ({"img_a": A, "img_x": A}, {"img_a": A, "img_b": A}, {"img_a": "img_a", "img_b": "img_x"}),
        # Two rows, and one image left of the two.
        ({"img_x": A, "img_y": A}, {"img_a": A}, {}),
        # The image has a verdict of its own.
        ({"img_a": "", "img_x": A}, {"img_a": A}, {"img_a": "img_a"}),
    ],
)
def test_a_verdict_goes_with_the_bytes_that_it_was_given_on(tmp_path, rows, images, expected):
    lines = [f"{name},drop,,ada,{digest},{name}" for name, digest in rows.items()]
    found = review(tmp_path, DIGESTS + "\n".join(lines) + "\n", images)
    assert dict(zip(found.rows["image_id"], found.rows["reason"], strict=True)) == expected
    assert bool(found.warnings) == (len(expected) < len(rows))


def test_confirmations_go_with_the_bytes_too(tmp_path):
    path = tmp_path / "validation.csv"
    path.write_text(
        "image_id;label;verdict;reviewer;bytes_sha256\n"
        f"img_a;cat;confirm;ada;{B}\nimg_gone;owl;confirm;ada;{D}\nimg_c;;reject;ada;\n"
    )
    found = read_confirmations(path, images=IMAGES, class_names=NAMES)
    assert found.rows[["image_id", "verdict"]].to_numpy().tolist() == [["img_b", "confirm"], ["img_c", "reject"]]
    assert "img_gone (line 3)" in found.warnings[0]


def test_who_was_seen_goes_with_the_bytes(tmp_path):
    (tmp_path / "decisions.csv").write_text(DIGESTS + f"img_a,keep,,ada,{B},\nimg_c,keep,,ada,{D},\nimg_b,drop,,x,,\n")
    (tmp_path / "validation.csv").write_text(
        "image_id,label,verdict,reviewer\nimg_outside-1,cat,confirm,ada\nimg_c,cat,reject,ada\n"
    )
    assert seen_by_people(tmp_path, images={"img_a": A, "img_q": B, "img_b": C, "img_c": C}) == {
        "img_q",
        "img_outside-1",
    }
