"""One registry of layouts: images without labels of their own, which layout is taken, and what is said of it."""

import io
import json
import typing

import pandas as pd
import pytest
from PIL import Image

from archives import write_folder
from pictures import picture
from winnow.data.archive import open_archive
from winnow.data.layouts import read_layout
from winnow.data.layouts.registry import AUTO, LAYOUTS
from winnow.data.manifest import load_dataset
from winnow.errors import WinnowError
from winnow.params.dataset import Data
from winnow.params.filter import DatasetSection

LIMIT = 10**8
COCO = json.dumps(
    {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 64} for i in range(3)],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 2, "bbox": [16, 32, 16, 16]},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [0, 0, 64, 32]},
            {"id": 3, "image_id": 2, "category_id": 2, "bbox": [0, 0, 0, 32]},
        ],
        "categories": [{"id": 2, "name": "cell"}],
    }
).encode()
VOC = b"<annotation><object><name>cell</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>\
</object></annotation>"
PICTURES = [picture(seed) for seed in range(3)]
SETS = {
    "coco": {"annotations/all.json": COCO, **{f"images/{i}.jpg": content for i, content in enumerate(PICTURES)}},
    "yolo": {"labels/0.txt": b"0 .5 .5 .2 .2\n", **{f"images/{i}.jpg": content for i, content in enumerate(PICTURES)}},
    "voc": {"Annotations/0.xml": VOC, **{f"JPEGImages/{i}.jpg": content for i, content in enumerate(PICTURES)}},
    "flat": {f"frames/{i}.jpg": content for i, content in enumerate(PICTURES)},
}


def layout_of(folder, **options):
    with open_archive(folder, max_unpacked_bytes=LIMIT) as archive:
        return read_layout(archive, **{"class_names": [], "split": None, "unlabelled": True} | options)


def test_the_params_name_the_layouts_of_the_registry():
    named = typing.get_args(Data.model_fields["layout"].annotation)
    assert named == (AUTO, *LAYOUTS)
    of_datasets = typing.get_args(DatasetSection.model_fields["layout"].annotation)
    assert of_datasets == (AUTO, *(name for name, known in LAYOUTS.items() if known.dataset))


@pytest.mark.parametrize("name", SETS)
def test_each_layout_without_labels_is_known_by_its_content_and_has_all_images(tmp_path, name):
    folder = write_folder(tmp_path / "set", SETS[name])
    found = layout_of(folder)
    assert found.class_names == [] and len(found.entries) == 3
    assert all(entry.label is None and not entry.problem for entry in found.entries)
    assert len({entry.image_id for entry in found.entries}) == 3
    assert layout_of(folder, layout=name).entries == found.entries
    assert len(found.entries) + len(found.left_out) == len(SETS[name])


@pytest.mark.parametrize("name", SETS)
def test_where_labels_are_needed_such_a_dataset_is_refused(tmp_path, name):
    with pytest.raises(WinnowError, match=r"\.$"):
        layout_of(write_folder(tmp_path / "set", SETS[name]), unlabelled=False)
    with pytest.raises(WinnowError, match=f"the layout {name} has no label for each image"):
        layout_of(tmp_path / "set", unlabelled=False, layout=name)
    with pytest.raises(WinnowError, match=r"data.class_names could name; set it to \[\]"):
        layout_of(tmp_path / "set", class_names=["cat", "dog"])


def test_a_layout_that_does_not_fit_or_is_none_is_refused_in_words(tmp_path):
    folder = write_folder(tmp_path / "set", SETS["flat"])
    with pytest.raises(WinnowError, match="is not of the layout coco; it needs a JSON file"):
        layout_of(folder, layout="coco")
    with pytest.raises(WinnowError, match="there is no layout 'tfrecord'; name one of auto, table"):
        layout_of(folder, layout="tfrecord")


def test_all_splits_are_read_unless_one_is_named(tmp_path):
    files = {f"images/{split}/{i}.jpg": picture(i) for split in ("train", "val") for i in range(2)}
    folder = write_folder(tmp_path / "set", files | {"labels/train/0.txt": b"0 .5 .5 .2 .2\n"})
    assert len(layout_of(folder).entries) == 4
    only = layout_of(folder, split="val")
    assert [entry.file_name for entry in only.entries] == ["images/val/0.jpg", "images/val/1.jpg"]
    assert list(only.left_out.values()).count("other-split") == 2
    with pytest.raises(WinnowError, match=r"has no split 'test'; set data.split in params.yaml to null or to one of"):
        layout_of(folder, split="test")


CLASSES = {f"{name}/{i}.jpg": picture(10 * ord(name[0]) + i) for name in ("cat", "dog") for i in range(2)}


def test_folders_of_classes_beside_boxes_are_read_by_their_boxes_and_it_is_said_how_to_read_the_folders(tmp_path):
    folder = write_folder(tmp_path / "set", CLASSES | {"all.json": COCO})
    assert "could be imagefolder; data.layout in params.yaml settles it" in layout_of(folder).notes[0]
    assert layout_of(folder, layout="imagefolder").class_names == ["cat", "dog"]
    assert layout_of(folder, unlabelled=False).class_names == ["cat", "dog"]


@pytest.mark.parametrize(
    "beside", [{"model.yaml": b"names: [cat, dog]\n"}, {"broken.yaml": b"a: [\n"}, {"x.json": b"{}"}]
)
def test_folders_of_classes_stay_so_whatever_else_lies_beside_them(tmp_path, beside):
    assert layout_of(write_folder(tmp_path / "set", CLASSES | beside)).class_names == ["cat", "dog"]


def test_a_table_beside_images_in_one_folder_is_no_dataset_without_labels(tmp_path):
    with pytest.raises(WinnowError, match="all its images in frames"):
        layout_of(write_folder(tmp_path / "set", SETS["flat"] | {"labels.csv": b"file,label\n"}))


def test_a_manifest_without_labels_has_the_boxes_of_its_images_beside_it(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(buffer, "PNG")
    files = SETS["coco"] | {"images/1.jpg": b"nothing", "images/2.jpg": buffer.getvalue()}
    found = load_dataset(
        write_folder(tmp_path / "set", files),
        max_unpacked_bytes=LIMIT,
        class_names=[],
        split=None,
        image_size=64,
        unlabelled=True,
        min_images_per_class=2,
    )
    assert found.class_names == [] and found.manifest["label"].tolist() == [-1, -1]
    assert found.counts["images_in"] == 3 and found.counts["rejected"] == 1
    ids = found.manifest.set_index("file_name")["image_id"]
    wanted = pd.DataFrame(
        [(ids["images/0.jpg"], "cell", 0.25, 0.5, 0.5, 0.75), (ids["images/2.jpg"], "cell", 0.0, 0.0, 1.0, 0.5)],
        columns=["image_id", "class_name", "x0", "y0", "x1", "y1"],
    )
    pd.testing.assert_frame_equal(found.objects.sort_values("x0", ascending=False, ignore_index=True), wanted)
    assert any("1 empty-box" in note for note in found.notes)
