"""Images and labels as Python holds them."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pictures import picture
from winnow.errors import WinnowError
from winnow.issues.inputs import write_inputs


class Torchvision:
    """Items by position alone, with names of classes."""

    classes = ("cat", "dog")

    def __len__(self):
        return 2

    def __getitem__(self, row):
        return Image.new("RGB", (8, 8), (row, 0, 0)), row


class HuggingFace(list):
    features = {"label": type("ClassLabel", (), {"names": ["cat", "dog"]})()}  # noqa: RUF012


def table(folder):
    return pd.read_csv(folder / "labels.csv", dtype=str)


def test_paths_stay_where_they_are(tmp_path):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(picture())
    paths = write_inputs(tmp_path / "in", [tmp_path / "1.jpg", str(tmp_path / "2.jpg")], ["cat", 1])
    assert paths == [str(tmp_path / "1.jpg"), str(tmp_path / "2.jpg")]
    assert table(tmp_path / "in")["label"].tolist() == ["cat", "1"]
    assert not (tmp_path / "in/images").exists()


@pytest.mark.parametrize(
    "images",
    [
        np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3),
        [np.zeros((4, 4), np.uint8), np.ones((4, 4, 1), np.uint8)],
        [Image.new("RGB", (4, 4)), Image.new("I;16", (4, 4))],
    ],
)
def test_arrays_and_pictures_become_files_without_loss(tmp_path, images):
    paths = write_inputs(tmp_path, images, [0, 1])
    for path, image in zip(paths, images, strict=True):
        if isinstance(image, np.ndarray):
            assert np.array_equal(np.asarray(Image.open(path)), image.squeeze())
        assert Image.open(path).size == (4, 4)


def test_datasets_bring_their_labels_and_the_names_of_their_classes(tmp_path):
    write_inputs(tmp_path / "t", Torchvision(), None)
    assert table(tmp_path / "t")["label"].tolist() == ["cat", "dog"]
    rows = HuggingFace({"image": Image.open(io.BytesIO(picture(i))), "label": i} for i in (1, 0))
    write_inputs(tmp_path / "h", rows, None)
    assert table(tmp_path / "h")["label"].tolist() == ["dog", "cat"]
    write_inputs(tmp_path / "o", Torchvision(), ["a", "b"])
    assert table(tmp_path / "o")["label"].tolist() == ["a", "b"]


def test_images_without_labels_make_a_table_of_files_alone(tmp_path):
    for name, images in {"a": [np.zeros((4, 4), np.uint8)] * 2, "h": [{"image": Image.new("L", (4, 4))}] * 2}.items():
        write_inputs(tmp_path / name, images, None)
        assert list(table(tmp_path / name).columns) == ["file"] and len(table(tmp_path / name)) == 2


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        ([{"image": np.zeros((4, 4), np.uint8), "label": 0}, {"image": np.zeros((4, 4), np.uint8)}], None, "image 1"),
        ([{"image": np.zeros((4, 4), np.uint8)}, {"image": np.zeros((4, 4), np.uint8), "label": 0}], None, "image 1"),
        ([np.zeros((4, 4), np.uint8)] * 2, [1], "2 images and 1 labels"),
        ([np.zeros((4, 4))] * 2, [1, 2], "image 0 is a ndarray of shape"),
        (["nowhere.jpg"], [1], "image 0 is 'nowhere.jpg', and there is no such file"),
        ([], [], "fewer than two images"),
    ],
)
def test_what_is_no_image_or_is_labelled_in_part_is_refused_in_words(tmp_path, images, labels, words):
    with pytest.raises(WinnowError, match=words):
        write_inputs(tmp_path, images, labels)
