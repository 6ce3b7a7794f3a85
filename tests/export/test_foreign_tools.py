"""What is exported opens in tools that others wrote, with equal counts, labels and boxes."""

import json
from pathlib import Path

import pytest
from labelformat.formats import (
    COCOObjectDetectionInput,
    PascalVOCObjectDetectionInput,
    YOLOv8ObjectDetectionInput,
)

from archives import write_folder
from decided import decided_without_labels
from pictures import picture
from winnow.export.export import export_dataset

WIDTH, HEIGHT = 64, 48
BOXES = {0: ("cell", (8, 12, 24, 36)), 1: ("cell", (0, 0, 32, 24)), 2: ("disc", (32, 24, 64, 48))}
CLASSES = ["cell", "disc"]


def coco():
    images = [{"id": i, "file_name": f"{i}.jpg", "width": WIDTH, "height": HEIGHT} for i in BOXES]
    annotations = [
        {"id": i, "image_id": i, "category_id": CLASSES.index(name), "bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0}
        for i, (name, (x0, y0, x1, y1)) in BOXES.items()
    ]
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES)]
    return {"all.json": json.dumps({"images": images, "annotations": annotations, "categories": categories}).encode()}


def yolo():
    def line(name, box):
        x0, y0, x1, y1 = box
        middle = ((x0 + x1) / 2 / WIDTH, (y0 + y1) / 2 / HEIGHT, (x1 - x0) / WIDTH, (y1 - y0) / HEIGHT)
        return f"{CLASSES.index(name)} {' '.join(map(str, middle))}\n".encode()

    labels = {f"labels/{i}.txt": line(*boxed) for i, boxed in BOXES.items()}
    return labels | {"data.yaml": b"train: images\nnames: [cell, disc]\n"}


def voc():
    def xml(i, name, box):
        corners = "".join(
            f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
        named = f"<filename>{i}.jpg</filename>{size}<object><name>{name}</name><bndbox>{corners}</bndbox></object>"
        return f"<annotation>{named}</annotation>".encode()

    return {f"Annotations/{i}.xml": xml(i, *boxed) for i, boxed in BOXES.items()}


OPEN = {
    "coco": lambda folder: COCOObjectDetectionInput(input_file=folder / "all.json"),
    "yolo": lambda folder: YOLOv8ObjectDetectionInput(input_file=folder / "data.yaml", input_split="train"),
    "voc": lambda folder: PascalVOCObjectDetectionInput(
        input_folder=folder / "Annotations", category_names=",".join(CLASSES)
    ),
}


@pytest.mark.parametrize(("form", "annotations"), [("coco", coco), ("yolo", yolo), ("voc", voc)])
def test_labelformat_opens_what_is_left_of_a_dataset_of_boxes(tmp_path, form, annotations):
    images = "JPEGImages" if form == "voc" else "images"
    pictures = {f"{images}/{i}.jpg": picture(i, size=(WIDTH, HEIGHT)) for i in (*BOXES, 3)}
    source = write_folder(tmp_path / "mine", annotations() | pictures)
    ledger, rejected = decided_without_labels(pictures)  # 1 is dropped, 3 could not be read
    export_dataset(
        tmp_path / "out", ledger, rejected, class_names=[], source=source, form=form, max_unpacked_bytes=2**30
    )
    opened = OPEN[form](tmp_path / "out")
    found = {Path(label.image.filename).stem: label.objects for label in opened.get_labels()}
    assert {stem: [thing.category.name for thing in things] for stem, things in found.items()} == {
        "0": ["cell"],
        "2": ["disc"],
    }
    for stem, (thing,) in found.items():
        box = thing.box
        assert (box.xmin, box.ymin, box.xmax, box.ymax) == pytest.approx(BOXES[int(stem)][1], abs=1)
