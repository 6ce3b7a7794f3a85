"""WebDataset: images and .cls files of the same names, in a tar."""

import pytest

from archives import write_folder, write_tar
from pictures import picture
from winnow.data.archive import open_archive
from winnow.data.layouts import read_layout
from winnow.data.manifest import load_dataset
from winnow.errors import WinnowError

LIMIT = 2**30
SHARD = {
    **{f"{i:06d}.jpg": picture(i) for i in range(4)},
    **{f"{i:06d}.cls": str(10 - i % 2).encode() for i in range(4)},
    "000000.json": b'{"caption": "a cat"}',
}


def layout_of(path, **options):
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        return read_layout(archive, **{"class_names": [], "split": None} | options)


@pytest.mark.parametrize("write", [write_tar, write_folder])
def test_it_is_known_by_its_content_and_numbers_are_sorted_as_numbers(tmp_path, write):
    layout = layout_of(write(tmp_path / "shard.tar", SHARD))
    assert layout.form == "WebDataset, labels in .cls files" and layout.class_names == ["9", "10"]
    assert {entry.file_name: entry.label for entry in layout.entries} == {
        "000000.jpg": 1,
        "000001.jpg": 0,
        "000002.jpg": 1,
        "000003.jpg": 0,
    }
    assert layout.left_out["000000.cls"] == "labels" and len(layout.left_out) == 5


def test_numbers_are_places_in_the_names_given(tmp_path):
    files = {name: content if name.endswith(".jpg") else b"1" for name, content in SHARD.items()} | {"000000.cls": b"0"}
    layout = layout_of(write_tar(tmp_path / "shard.tar", files), class_names=["cat", "dog"])
    assert [entry.label for entry in layout.entries] == [0, 1, 1, 1]


def test_what_lacks_its_other_half_is_rejected_and_counts_add_up(tmp_path):
    files = SHARD | {"lonely.jpg": picture(7), "gone.cls": b"9", "empty.jpg": picture(8), "empty.cls": b" "}
    dataset = load_dataset(
        write_tar(tmp_path / "shard.tar", files), max_unpacked_bytes=LIMIT, class_names=[], split=None, image_size=64
    )
    assert dataset.counts["accepted"] == 4
    assert sorted(zip(dataset.rejected["image_id"], dataset.rejected["reason"], strict=True)) == [
        ("gone", "no-image"),
        ("img_empty", "no-label"),
        ("img_lonely", "no-label"),
    ]
    counts = dataset.counts
    assert counts["files"] == counts["images_in"] - counts["rejected.no-image"] + counts["left_out"] == len(files)


def test_one_class_or_a_split_is_refused_in_words(tmp_path):
    one = {name: content if name.endswith(".jpg") else b"cat" for name, content in SHARD.items()}
    with pytest.raises(WinnowError, match="has labels of 1 classes"):
        layout_of(write_tar(tmp_path / "one.tar", one))
    with pytest.raises(WinnowError, match="has no splits"):
        layout_of(write_tar(tmp_path / "shard.tar", SHARD), split="train")
