"""Whole datasets of every layout: read, thinned and written with the same bytes and names, only fewer."""

import io
import json
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

from winnow.data.archive import open_archive
from winnow.data.layouts.collection import split_of
from winnow.data.layouts.registry import read_dataset
from winnow.data.writers.filtered import write_filtered
from winnow.errors import WinnowError

BCCD = Path(__file__).parents[2].parent / "shared/data/detection/bccd.zip"


def picture(value):
    buffer = io.BytesIO()
    Image.new("RGB", (10, 8), (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def tree(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def thin(root, gone, tmp_path, *, layout="auto"):
    """The dataset as read, the files of what is left of it, and the dataset read again."""
    with open_archive(root, max_unpacked_bytes=1e9) as archive:
        dataset = read_dataset(archive, layout=layout)
        write_filtered(archive, dataset, gone, tmp_path / "out")
    with open_archive(tmp_path / "out", max_unpacked_bytes=1e9) as archive:
        return dataset, tree(tmp_path / "out"), read_dataset(archive, layout=layout)


def kinds(dataset):
    return sorted((problem.kind, problem.file) for problem in dataset.problems)


def test_images_without_labels(tmp_path):
    files = {f"clip/{i}.png": picture(i) for i in range(4)} | {"notes.txt": "of the camera"}
    dataset, left, again = thin(write(tmp_path / "in", files), {"clip/1.png"}, tmp_path)
    assert dataset.form == "images without labels" and [item.label for item in dataset.items] == [""] * 4
    assert left == {
        name: content if isinstance(content, bytes) else content.encode()
        for name, content in files.items()
        if name != "clip/1.png"
    }
    assert [item.file for item in again.items] == ["clip/0.png", "clip/2.png", "clip/3.png"]


def test_an_imagefolder_keeps_its_other_splits_in_sight(tmp_path):
    names = [f"{split}/{label}/{i}.png" for split in ("train", "test") for label in ("cat", "dog") for i in range(3)]
    files = {name: picture(place) for place, name in enumerate(names)}
    dataset, left, again = thin(write(tmp_path / "in", files), {"train/dog/2.png"}, tmp_path)
    assert {item.split for item in dataset.items} == {"train", "test"}
    assert all(item.label == item.file.split("/")[1] for item in dataset.items)
    assert set(left) == set(files) - {"train/dog/2.png"} and len(again.items) == 11


def test_the_courses_labels_lose_those_of_the_images_that_go(tmp_path):
    labels = {f"img_{i}": [1, 0] if i % 2 else [0, 1] for i in range(4)}
    files = {f"set/imgs/img_{i}.jpg": picture(i) for i in range(4)} | {"set/data-labels.json": json.dumps(labels)}
    dataset, left, again = thin(write(tmp_path / "in", files), {"set/imgs/img_2.jpg"}, tmp_path)
    assert [item.label for item in dataset.items] == ["1", "0", "1", "0"]
    assert json.loads(left["set/data-labels.json"]) == {key: value for key, value in labels.items() if key != "img_2"}
    assert len(again.items) == 3 and not again.problems


YOLO = {
    "data.yaml": "path: /home/someone/else\ntrain: images/train\nval: images/val\nnames: [cell, dust]\n",
    "images/train/a.png": picture(1),
    "images/train/b.png": picture(2),
    "images/train/c.png": picture(3),
    "images/val/a.png": picture(4),
    "labels/train/a.txt": "0 0.5 0.5 0.2 0.4\n1 0.1 0.1 0.1 0.1\n",
    "labels/train/b.txt": "0 0.5 0.5 0 0.4\n7 0.5 0.5 0.1 0.1\nx\n",
    "labels/train/lost.txt": "0 0.5 0.5 0.2 0.4\n",
    "labels/val/a.txt": "1 0.2 0.2 0.8 0.2 0.8 0.6\n",
}


def test_yolo_with_its_faults(tmp_path):
    dataset, left, again = thin(write(tmp_path / "in", YOLO), {"images/train/a.png"}, tmp_path)
    assert [item.split for item in dataset.items] == ["train", "train", "train", "val"]
    first, last = dataset.items[0].boxes, dataset.items[3].boxes
    assert [box.class_name for box in first] == ["cell", "dust"]
    assert (first[0].x0, first[0].y0, first[0].x1, first[0].y1) == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert (last[0].x0, last[0].y1) == (0.2, 0.6)  # a polygon's box
    assert kinds(dataset) == [
        ("empty-box", "labels/train/b.txt"),
        ("image-without-label", "images/train/c.png"),
        ("label-without-image", "labels/train/lost.txt"),
        ("unknown-class", "labels/train/b.txt"),
        ("unreadable-label", "labels/train/b.txt"),
    ]
    gone = {"images/train/a.png", "labels/train/a.txt"}
    assert left == {
        name: content.encode() if isinstance(content, str) else content
        for name, content in YOLO.items()
        if name not in gone
    }
    assert again.items == [item for item in dataset.items if item.file != "images/train/a.png"]


def test_yolo_with_lists_of_its_splits(tmp_path):
    names = {"a": "train", "b": "train", "c": "test"}
    files = {f"images/{name}.png": picture(i) for i, name in enumerate(names)}
    files |= {f"labels/{name}.txt": "0 .5 .5 .1 .1\n" for name in names}
    files |= {
        "train.txt": "/data/other/images/a.png\n./images/b.png\n",
        "test.txt": "images/c.png\n",
        "d.yaml": yaml.safe_dump({"names": {0: "x"}, "train": "train.txt", "test": "test.txt"}),
    }
    dataset, left, _ = thin(write(tmp_path / "in", files), {"images/a.png"}, tmp_path)
    assert [item.split for item in dataset.items] == ["train", "train", "test"]
    assert left["train.txt"] == b"./images/b.png\n" and left["test.txt"] == b"images/c.png\n"


def coco():
    images = [
        {"id": 7, "file_name": "a.png", "width": 10, "height": 8, "license": 3},
        {"id": 9, "file_name": "b.png", "width": 10, "height": 8},
        {"id": 11, "file_name": "gone.png", "width": 10, "height": 8},
    ]
    annotations = [
        {"id": 1, "image_id": 7, "category_id": 5, "bbox": [1, 2, 4, 4], "iscrowd": 1, "segmentation": {"counts": "x"}},
        {"id": 2, "image_id": 9, "category_id": 5, "bbox": [1, 2, 0, 4]},
        {"id": 3, "image_id": 9, "category_id": 6, "bbox": [0, 0, 5, 4], "own": "é"},
        {"id": 4, "image_id": 99, "category_id": 5, "bbox": [0, 0, 5, 4]},
        {"id": 5, "image_id": 9, "category_id": 8, "bbox": [0, 0, 5, 4]},
    ]
    categories = [{"id": 5, "name": "cell"}, {"id": 6, "name": "dust"}]
    return {"info": {"year": 2026}, "images": images, "annotations": annotations, "categories": categories}


def test_coco_with_its_faults_keeps_all_keys_of_what_stays(tmp_path):
    files = {
        "annotations/instances_train2017.json": json.dumps(coco()),
        "annotations/instances_val2017.json": json.dumps(
            {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}
        ),
        **{f"train2017/{name}.png": picture(i) for i, name in enumerate("ab")},
        "val2017/a.png": picture(5),
    }
    dataset, left, again = thin(write(tmp_path / "in", files), {"train2017/a.png"}, tmp_path)
    assert [(item.file, item.split) for item in dataset.items] == [
        ("train2017/a.png", "train"),
        ("train2017/b.png", "train"),
        ("val2017/a.png", "val"),
    ]
    box = dataset.items[0].boxes[0]
    assert (box.class_name, box.x0, box.y0, box.x1, box.y1) == ("cell", 0.1, 0.25, 0.5, 0.75)
    found = [kind for kind, _ in kinds(dataset)]
    assert found == ["empty-box", "label-without-image", "label-without-image", "unknown-class"]
    after, before = json.loads(left["annotations/instances_train2017.json"]), coco()
    assert after == before | {"images": before["images"][1:], "annotations": before["annotations"][1:]}
    assert left["annotations/instances_val2017.json"] == files["annotations/instances_val2017.json"].encode()
    assert "train2017/a.png" not in left and again.items == dataset.items[1:]


def voc(boxes, *, filename="x.jpg"):
    objects = "".join(
        f"<object><name>cell</name><difficult>1</difficult><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax>"
        f"<ymax>{d}</ymax></bndbox></object>"
        for a, b, c, d in boxes
    )
    return (
        f"<annotation><filename>{filename}</filename><path>C:\\x\\{filename}</path><size><width>10</width>"
        f"<height>8</height></size>{objects}</annotation>"
    )


def test_voc_with_its_faults_lists_and_masks(tmp_path):
    files = {
        "D/JPEGImages/a.png": picture(1),
        "D/JPEGImages/b.png": picture(2),
        "D/JPEGImages/c.png": picture(3),
        "D/Annotations/a.xml": voc([(1, 2, 6, 6)], filename="a.png"),
        "D/Annotations/b.xml": voc([(1, 2, 1, 6)], filename="other.png"),
        "D/Annotations/z.xml": voc([]),
        "D/SegmentationClass/a.png": picture(9),
        "D/ImageSets/Main/train.txt": "a\nb\n",
        "D/ImageSets/Main/test.txt": "c\n",
        "D/ImageSets/Main/cell_train.txt": "a  1\nb -1\n",
    }
    dataset, left, again = thin(write(tmp_path / "in", files), {"D/JPEGImages/a.png"}, tmp_path)
    assert [item.split for item in dataset.items if "JPEGImages" in item.file] == ["train", "train", "test"]
    assert dataset.items[0].boxes[0].y1 == 0.75
    assert kinds(dataset) == [
        ("empty-box", "D/Annotations/b.xml"),
        ("image-without-label", "D/JPEGImages/c.png"),
        ("label-without-image", "D/Annotations/z.xml"),
        ("other-file-name", "D/Annotations/b.xml"),
    ]
    assert left["D/ImageSets/Main/train.txt"] == b"b\n" and left["D/ImageSets/Main/cell_train.txt"] == b"b -1\n"
    gone = {"D/JPEGImages/a.png", "D/Annotations/a.xml", "D/SegmentationClass/a.png"}
    assert not gone & set(left)
    for name in set(files) - gone - {"D/ImageSets/Main/train.txt", "D/ImageSets/Main/cell_train.txt"}:
        assert left[name] == (files[name] if isinstance(files[name], bytes) else files[name].encode())
    assert again.items == dataset.items[1:]


def test_a_zip_reads_as_its_folder_does(tmp_path):
    root = write(tmp_path / "in", YOLO)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        for name, content in YOLO.items():
            packed.writestr(name, content)
    assert thin(root, set(), tmp_path)[0].items == thin(tmp_path / "in.zip", set(), tmp_path)[0].items
    assert tree(tmp_path / "out") == tree(root)


def test_what_is_no_image_of_the_dataset_cannot_go(tmp_path):
    with pytest.raises(WinnowError, match="no image of"):
        thin(write(tmp_path / "in", {"a.png": picture(1)}), {"b.png"}, tmp_path)
    with pytest.raises(WinnowError, match="there is no layout"):
        thin(tmp_path / "in", set(), tmp_path, layout="tfrecord")
    with pytest.raises(WinnowError, match=r"it needs <root>/imgs/.* or JPEGImages"):
        thin(write(tmp_path / "empty", {"a.txt": "x"}), set(), tmp_path)


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train/x.jpg", "train"),
        ("a/valid/x.jpg", "val"),
        ("annotations/instances_val2017.json", "val"),
        ("x/y.jpg", ""),
        ("test-set/x.jpg", ""),
        ("contest/x.jpg", ""),
    ],
)
def test_the_split_that_a_path_names(path, split):
    assert split_of(path) == split


@pytest.mark.skipif(not BCCD.exists(), reason=f"{BCCD.name} is absent")
def test_bccd_has_two_boxes_without_area_and_reads_again_after_half_of_it_went(tmp_path):
    with open_archive(BCCD, max_unpacked_bytes=1e9) as archive:
        dataset = read_dataset(archive)
        names, content = archive.names(), dict(archive.items(archive.names()))
    assert len(dataset.items) == 364 and dataset.form == "Pascal VOC"
    assert sum(len(item.boxes) for item in dataset.items) + 2 == 4888
    assert [problem.kind for problem in dataset.problems].count("empty-box") == 2
    gone = {item.file for item in dataset.items[::2]}
    _, left, again = thin(BCCD, gone, tmp_path)
    assert again.items == dataset.items[1::2] and again.problems != []
    untouched = [name for name in left if not name.endswith(".txt")]
    assert all(left[name] == content[name] for name in untouched) and len(untouched) == len(names) - 2 * len(gone) - 4


@pytest.mark.parametrize(
    "changed",
    [
        {"categories": [{"name": "x"}]},
        {"categories": None},
        {"images": ["a.jpg"]},
        {"images": [{"id": 1, "file_name": "a.jpg", "width": "wide"}]},
        {"images": [{"id": [1], "file_name": "a.jpg"}]},
        {"annotations": None},
        {"annotations": [[1]]},
    ],
)
def test_json_that_only_looks_like_coco_is_named_in_a_sentence(tmp_path, changed):
    whole = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}],
        "categories": [{"id": 1, "name": "x"}],
    }
    write(tmp_path / "d", {"a.jpg": picture(1), "one.json": json.dumps(whole | changed).encode()})
    with (
        open_archive(tmp_path / "d", max_unpacked_bytes=1e9) as archive,
        pytest.raises(WinnowError, match=r"^one\.json in .* is not JSON as COCO has it \(.*\); correct it there\.$"),
    ):
        read_dataset(archive, layout="coco")


@pytest.mark.parametrize(
    "yaml_text", ["names: 5\ntrain: x", "names: {a: b}\ntrain: x", "names:\ntrain: [1]", "[" * 9999]
)
def test_yaml_that_only_looks_like_yolos_is_refused_in_a_sentence(tmp_path, yaml_text):
    files = {"images/a.jpg": picture(1), "labels/a.txt": b"0 .5 .5 .2 .2", "data.yaml": yaml_text.encode()}
    write(tmp_path / "d", files)
    with (
        open_archive(tmp_path / "d", max_unpacked_bytes=1e9) as archive,
        pytest.raises(WinnowError, match="YAML") as caught,
    ):
        read_dataset(archive, layout="yolo")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ["nan .5 .5 .2 .2", "inf .5 .5 .2 .2", "0 nan .5 .2 .2", "0 1e400 .5 .2 .2"])
def test_numbers_that_are_none_are_a_fault_of_their_line(tmp_path, line):
    files = {"images/a.jpg": picture(1), "labels/a.txt": line.encode(), "data.yaml": b"names: [a]\ntrain: images"}
    write(tmp_path / "d", files)
    with open_archive(tmp_path / "d", max_unpacked_bytes=1e9) as archive:
        found = read_dataset(archive, layout="yolo")
    assert kinds(found) == [("unreadable-label", "labels/a.txt")] and not found.items[0].boxes
