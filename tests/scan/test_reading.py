"""The first look at somebody's images, and the params that follow from it."""

import numpy as np
import pytest

from archives import write_folder, write_zip
from pictures import picture
from winnow.errors import WinnowError
from winnow.scan.reading import look_at, notes_on_encoder, one_size, settings_of, train_size

LIMIT = 2**30


def folder_of(path, counts, size=(40, 30)):
    files = {
        f"{name}/{i}.jpg": picture(1000 * ord(name[0]) + i, size=size)
        for name, count in counts.items()
        for i in range(count)
    }
    return write_folder(path, files)


def test_classes_are_counted_and_what_is_no_image_is_named(tmp_path):
    source = folder_of(tmp_path / "pets", {"cat": 5, "dog": 3})
    (source / "notes.txt").write_text("x")
    reading = look_at(source, split=None, max_unpacked_bytes=LIMIT)
    assert reading.classes == {"cat": 5, "dog": 3} and reading.images == 8
    assert reading.left_out == {"text": 1} and reading.unusable == {}
    assert set(reading.widths) == {40} and set(reading.heights) == {30}
    assert "Few images of 'cat' (5), 'dog' (3)" in reading.notes[-1]


def test_a_zip_reads_like_its_folder(tmp_path):
    files = {f"{name}/{i}.jpg": picture(i) for name in "ab" for i in range(3)}
    folder = look_at(write_folder(tmp_path / "f", files), split=None, max_unpacked_bytes=LIMIT)
    packed = look_at(write_zip(tmp_path / "f.zip", files), split=None, max_unpacked_bytes=LIMIT)
    assert (folder.classes, folder.form) == (packed.classes, packed.form)


def test_a_file_that_cannot_be_opened_is_no_reason_to_stop(tmp_path):
    source = folder_of(tmp_path / "pets", {"cat": 3, "dog": 3})
    (source / "cat/broken.jpg").write_bytes(b"nothing")
    reading = look_at(source, split=None, max_unpacked_bytes=LIMIT)
    assert reading.classes["cat"] == 4 and len(reading.widths) == 6


def test_a_dataset_without_two_classes_is_refused_in_words(tmp_path):
    with pytest.raises(WinnowError, match="fewer than two classes of two images"):
        look_at(folder_of(tmp_path / "pets", {"cat": 4, "dog": 1}), split=None, max_unpacked_bytes=LIMIT)
    with pytest.raises(WinnowError, match="put each class into a folder"):
        source = folder_of(tmp_path / "cats", {"cat": 4})
        look_at(source, split=None, max_unpacked_bytes=LIMIT, layout="imagefolder")


def test_images_in_one_folder_are_read_without_labels(tmp_path):
    reading = look_at(folder_of(tmp_path / "pets", {"cat": 4}), split=None, max_unpacked_bytes=LIMIT)
    assert reading.images == 4 and reading.classes == {} and reading.form == "images without labels"
    assert "what needs labels is skipped" in reading.notes[0]
    settings = settings_of(reading, archive="pets", split=None)
    assert settings["embed.encoder"] == "plain" and settings["curate.class_floor"] == 0


def test_no_image_that_can_be_opened(tmp_path):
    files = {f"{name}/{i}.jpg": b"nothing" for name in "ab" for i in range(3)}
    with pytest.raises(WinnowError, match="no image that can be opened"):
        look_at(write_folder(tmp_path / "f", files), split=None, max_unpacked_bytes=LIMIT)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(28, 28), (28, 28)], 28),  # small squares stay as they are
        ([(640, 480), (300, 500)], 128),
        ([(100, 90), (80, 300), (70, 70)], 64),  # shorter sides 90, 80, 70
        ([(20, 25), (30, 18)], 32),
        ([(512, 512), (512, 512)], 128),
        ([(128, 128)], 128),
    ],
)
def test_the_size_to_train_at_fits_the_images(sizes, side):
    widths, heights = np.array(sizes).T
    assert train_size(widths, heights) == side


@pytest.mark.parametrize(("sizes", "side"), [([(28, 28)] * 2, 28), ([(500, 300)] * 2, None), ([(512, 512)], None)])
def test_all_but_small_squares_of_one_size_are_scored_at_their_own(sizes, side):
    widths, heights = np.array(sizes).T
    assert one_size(widths, heights) == side


def test_settings_follow_from_the_smallest_class(tmp_path):
    reading = look_at(
        folder_of(tmp_path / "pets", {"cat": 30, "dog": 10, "owl": 1}), split=None, max_unpacked_bytes=LIMIT
    )
    settings = settings_of(reading, archive="../pets", split=None)
    assert settings == {
        "data.archive": "../pets",
        "data.image_size": None,
        "data.train_size": 32,
        "curate.class_floor": 5,
        "validation.per_class": 2,
        "augment.budget": 2000,
    }
    assert settings_of(reading, archive="../pets", split="train")["data.split"] == "train"


def test_few_images_for_networks_of_ones_own_are_said_and_for_others_not(tmp_path):
    reading = look_at(folder_of(tmp_path / "pets", {"cat": 5, "dog": 3}), split=None, max_unpacked_bytes=LIMIT)
    assert "have 4 images or fewer" in notes_on_encoder(reading, "trained")[0]
    assert notes_on_encoder(reading, "trained-64") == notes_on_encoder(reading, "trained")
    assert notes_on_encoder(reading, "open_clip") == notes_on_encoder(reading, ["timm", "trained"]) == []
