"""Packed sets: packed bit for bit, sorted, and refused when they are none."""

import numpy as np
import pandas as pd
import pytest

from winnow import tables
from winnow.data import packed
from winnow.data.packed import COLUMNS, PackedSet, check_packed, join_packed, pack_originals, packed_set
from winnow.errors import WinnowError


def _originals() -> PackedSet:
    return pack_originals(np.array(["img_b", "img_a"]), np.array([1, 0]), np.array([b"B", b"A"], dtype=object))


def _packed() -> pd.DataFrame:
    return _originals().frame()


def _copies(**changes) -> pd.DataFrame:
    row = {"name": "img_a_crop", "image_id": "img_a", "technique": "crop", "label": 0, "image_bytes": b"C"}
    return pd.DataFrame([row | changes])


def test_originals_are_sorted_and_keep_their_bytes() -> None:
    packed = _packed()
    assert list(packed.columns) == COLUMNS
    assert packed["name"].tolist() == packed["image_id"].tolist() == ["img_a", "img_b"]
    assert packed["technique"].tolist() == ["", ""]
    assert packed["label"].tolist() == [0, 1]
    assert packed["label"].dtype == np.int64
    assert packed["image_bytes"].tolist() == [b"A", b"B"]


def test_joined_rows_are_sorted_and_survive_the_file(tmp_path) -> None:
    joined = join_packed(_originals(), packed_set(_copies())).frame()
    assert joined["name"].tolist() == ["img_a", "img_a_crop", "img_b"]
    tables.write_parquet(joined, tmp_path / "set.parquet")
    again = tables.read_parquet(tmp_path / "set.parquet")
    check_packed(again, what="the file", class_count=2)
    assert again["image_bytes"].tolist() == [b"A", b"C", b"B"]


def test_numbered_names_follow_from_their_technique() -> None:
    packed_set(_copies(name="img_a_crop-2"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "img_a", "technique": ""}, "twice"),
        ({"name": "img_z_crop"}, "does not follow"),
        ({"technique": "flip"}, "does not follow"),
        ({"technique": ""}, "does not follow"),
        ({"label": -1}, "label -1"),
        ({"image_bytes": b""}, "no bytes"),
    ],
)
def test_what_is_no_packed_set_is_refused(changes, words) -> None:
    with pytest.raises(WinnowError, match=words):
        join_packed(_originals(), packed_set(_copies(**changes))).frame()


def test_labels_are_held_against_the_class_count() -> None:
    check_packed(_packed(), what="x", class_count=2)
    with pytest.raises(WinnowError, match="label 1; labels are 0 to 0"):
        check_packed(_packed(), what="x", class_count=1)


def test_a_missing_column_or_another_order_is_refused() -> None:
    with pytest.raises(WinnowError, match="lacks the column 'technique'"):
        check_packed(_packed().drop(columns="technique"), what="x")
    with pytest.raises(WinnowError, match="not sorted"):
        check_packed(_packed().iloc[::-1], what="x")


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        pack_originals(np.array(["img_a"]), np.array([0, 1]), np.array([b"A"], dtype=object))


def test_pieces_hold_what_the_whole_holds(monkeypatch) -> None:
    joined = join_packed(_originals(), packed_set(_copies()))
    monkeypatch.setattr(packed, "ROW_GROUP", 2)
    pieces = list(joined.frames())
    assert [len(piece) for piece in pieces] == [2, 1]
    pd.testing.assert_frame_equal(pd.concat(pieces), joined.frame())
    nothing = pack_originals(np.empty(0, dtype=str), np.empty(0, dtype=int), np.empty(0, dtype=object))
    assert [len(piece) for piece in nothing.frames()] == [0]
