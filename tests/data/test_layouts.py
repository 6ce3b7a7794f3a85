"""What people's archives look like: what is a class, what is left out, and that every file is counted."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import write_folder, write_tar, write_zip
from pictures import SIZE, picture
from winnow.data.archive import open_archive
from winnow.data.class_sizes import UnusableImages
from winnow.data.layouts import read_layout
from winnow.data.layouts.folder_names import are_splits, split_of
from winnow.data.litter import companion
from winnow.data.manifest import load_dataset
from winnow.data.summary import reading_headline, reading_lines
from winnow.errors import WinnowError

JPEG, OTHER_JPEG, PNG = picture(0), picture(1), picture(2, form="PNG")


@pytest.fixture
def load(tmp_path):
    """Pack the files and build their manifest."""

    def run(files, *, class_names=(), split=None, write=write_zip, **options):
        path = write(tmp_path / f"{write.__name__}-set", files)
        options = {"image_size": SIZE, "max_unpacked_bytes": 10**8} | options
        return load_dataset(path, class_names=class_names, split=split, **options)

    return run


def images(*paths):
    """A picture at each path; `{i}` stands for 0 and 1."""
    names = [path.format(i=i) for path in paths for i in range(2 if "{i}" in path else 1)]
    return {name: picture(seed) for seed, name in enumerate(names)}


def classes_of(dataset):
    return {name: dataset.counts[f"classes.{name}"] for name in dataset.class_names}


def left_out(dataset):
    return {key.removeprefix("left_out."): n for key, n in dataset.counts.items() if key.startswith("left_out.")}


def added_up(dataset, files):
    """Every file of the archive is accepted, rejected or left out, and the counts say so."""
    counts = dataset.counts
    with_file = int((dataset.rejected["file_name"] != "").sum())
    assert counts["files"] == files == counts["accepted"] + with_file + counts["left_out"]
    assert counts["left_out"] == sum(left_out(dataset).values())
    assert counts["rejected"] == sum(n for key, n in counts.items() if key.startswith("rejected."))
    return dataset


# --- what is a class ---

PLAIN = images("cat/{i}.jpg", "dog/{i}.jpg")


@pytest.mark.parametrize(
    ("litter", "reason"),
    [
        (".ipynb_checkpoints/cat-checkpoint.jpg", "hidden"),
        ("cat/.ipynb_checkpoints/0-checkpoint.jpg", "hidden"),
        ("@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg", "system"),
        ("cat/@eaDir/0.jpg", "system"),
        ("#recycle/0.jpg", "system"),
        ("$RECYCLE.BIN/0.jpg", "system"),
        ("__MACOSX/cat/0.jpg", "system"),
        ("System Volume Information/0.jpg", "system"),
        ("lost+found/0.jpg", "system"),
        ("@Recently-Snapshot/cat/0.jpg", "system"),  # QNAP
        (".Trash-1000/files/0.jpg", "hidden"),
        (".thumbnails/0.jpg", "hidden"),
        ("thumbnails/0.jpg", "thumbnail"),
        ("cat/_thumbs/0.jpg", "thumbnail"),
        ("cat/Thumbs.db", "system"),
        ("dog/desktop.ini", "system"),
        ("cat/0.jpg:Zone.Identifier", "system"),
        ("cat/._0.jpg", "hidden"),
        ("@__thumb/cat/0.jpg", "system"),  # QNAP
        ("@appstore/0.jpg", "system"),  # Synology
        ("cat/0.jpg@SynoEAStream", "system"),
        ("cat/Thumbs.db:encryptable", "system"),
        ("FOUND.000/0.jpg", "system"),  # chkdsk
        ("RECYCLED/cat/0.jpg", "system"),
        ("~snapshot/cat/0.jpg", "system"),  # NetApp
        ("cat/_vti_cnf/0.jpg", "system"),  # FrontPage
        ("_gsdata_/0.jpg", "system"),  # GoodSync
        ("cat/.AppleDouble/0.jpg", "hidden"),
        ("__thumbs__/0.jpg", "thumbnail"),
        ("dog/_thumb/0.jpg", "thumbnail"),
    ],
)
@pytest.mark.parametrize("root", ["", "set/"])
def test_litter_is_no_class_and_no_image(load, litter, reason, root):
    files = {root + name: content for name, content in (PLAIN | {litter: PLAIN["cat/0.jpg"]}).items()}
    dataset = added_up(load(files), 5)
    assert classes_of(dataset) == {"cat": 2, "dog": 2} and dataset.rejected.empty
    assert left_out(dataset) == {reason: 1}


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(
            (name, "train")
            for name in ("train", "Train", "TRAINING", "train1", "seg_train", "training_set", "trainset")
        ),
        *((name, "train") for name in ("train2017", "train_images", "TrainingData", "Final_Training")),
        *((name, "held-out") for name in ("test", "val", "valid", "validation", "test1", "dev", "eval", "holdout")),
        *(
            (name, "held-out")
            for name in ("hold-out", "val_images", "seg_pred", "TestSet", "validation-set", "unlabeled")
        ),
        *((name, None) for name in ("trainer", "latest", "valley", "cat", "evaluated", "devil", "contest", "strain")),
    ],
)
def test_names_of_splits(name, split):
    assert (split_of(name) or (None,))[0] == split


def test_folders_are_splits_only_if_nothing_else_tells_them_apart():
    assert are_splits(["train", "test"]) and are_splits(["seg_train", "seg_test", "seg_pred"])
    assert are_splits(["trainA", "trainB", "testA", "testB"]) and are_splits(["Training", "PublicTest", "PrivateTest"])
    assert not are_splits(["blood_test", "urine_test"]) and not are_splits(["train", "car"]) and not are_splits([])


FLAT = {
    "train and test": images("train/{i}.jpg", "test/{i}.jpg"),
    "train and test1": images("train/{i}.jpg", "test1/{i}.jpg"),
    "three": images("training/{i}.jpg", "validation/{i}.jpg", "holdout/{i}.jpg"),
    "with a root": images("set/Train/{i}.jpg", "set/Test/{i}.jpg"),
    "with a layer": images("train/images/{i}.jpg", "test/images/{i}.jpg"),
    "train_images": images("train_images/{i}.jpg", "test_images/{i}.jpg"),
    "images and masks": images("images/{i}.jpg", "masks/{i}.png"),
    "images and labels": images("data/images/{i}.jpg", "data/labels/{i}.png"),
    "JPEGImages": images("VOC/JPEGImages/{i}.jpg", "VOC/SegmentationClass/{i}.png", "VOC/SegmentationObject/{i}.png"),
    "public and private": images("public_test/{i}.jpg", "private_test/{i}.jpg"),
    "domains": images("trainA/{i}.jpg", "trainB/{i}.jpg", "testA/{i}.jpg", "testB/{i}.jpg"),
    "inputs and targets": images("input/{i}.jpg", "target/{i}.png"),
    "re-identification": images("bounding_box_train/{i}.jpg", "bounding_box_test/{i}.jpg", "query/{i}.jpg"),
    "one folder": images("photos/{i}.jpg"),
    "the root": images("{i}.jpg"),
}


@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("table", ["train.csv", "labels/labels.xlsx", "train/metadata.jsonl", None])
def test_splits_and_layers_are_no_classes(load, kind, table):
    files = FLAT[kind] | ({table: b"id,label\n"} if table else {})
    with pytest.raises(WinnowError, match="put each class into a folder of its own") as caught:
        load(files)
    message = str(caught.value)
    assert message.count(". ") == 0 and message.endswith(".")
    if table:
        assert f"not from {table}" in message and "data-labels.json" in message


@pytest.mark.parametrize("name", ["fold{}", "HAM10000_images_part_{}", "batch-{}", "x/Chunk {}"])
def test_numbered_parts_of_one_set_are_no_classes(load, name):
    files = images(f"{name.format(1)}/{{i}}.jpg", f"{name.format(2)}/{{i}}.jpg") | {"labels.csv": b"id,label\n"}
    with pytest.raises(WinnowError, match=r"by their names parts of one set; put each class .*not from labels\.csv"):
        load(files)
    named = [name.format(number).rpartition("/")[2] for number in (1, 2)]
    assert classes_of(load(files, class_names=named)) == dict.fromkeys(named, 2)
    assert classes_of(load(images("part1/{i}.jpg", "whole/{i}.jpg"))) == {"part1": 2, "whole": 2}
    assert classes_of(load(images("grade_1/{i}.jpg", "grade_2/{i}.jpg"))) == {"grade_1": 2, "grade_2": 2}


@pytest.mark.parametrize("stray", ["test", "val", "Validation", "test1", "images", "annotations"])
def test_a_folder_beside_the_classes_that_is_none_is_asked_for(load, stray):
    files = PLAIN | images(f"{stray}/{{i}}.jpg")
    with pytest.raises(WinnowError, match=rf"has {stray} beside cat, dog, which by its name is no class.*class_names"):
        load(files)
    dataset = added_up(load(files, class_names=["cat", "dog"]), 6)
    assert classes_of(dataset) == {"cat": 2, "dog": 2} and set(dataset.rejected["reason"]) == {"unknown-class"}
    assert classes_of(load(files, class_names=["cat", "dog", stray]))[stray] == 2


def test_a_train_is_a_vehicle_among_vehicles(load):
    assert classes_of(load(images("bus/{i}.jpg", "car/{i}.jpg", "train/{i}.jpg"))) == {"bus": 2, "car": 2, "train": 2}
    tests = images("blood_test/{i}.jpg", "urine_test/{i}.jpg")
    assert classes_of(load(tests)) == {"blood_test": 2, "urine_test": 2}
    assert classes_of(load(images("mask/{i}.jpg", "no_mask/{i}.jpg"))) == {"mask": 2, "no_mask": 2}


TWO_EACH = {"cat": 2, "dog": 2}
LAYOUTS = {
    "plain": images("cat/{i}.jpg", "dog/{i}.jpg"),
    "a common root": images("a/b/cat/{i}.jpg", "a/b/dog/{i}.jpg"),
    "a repeated root": images("pets/pets/cat/{i}.jpg", "pets/pets/dog/{i}.jpg"),
    "repeated splits": images(
        "seg_train/seg_train/{x}/{i}.jpg".replace("{x}", "cat"), "seg_train/seg_train/dog/{i}.jpg"
    )
    | images("seg_test/seg_test/cat/{i}.jpg", "seg_test/seg_test/dog/{i}.jpg", "seg_pred/seg_pred/{i}.jpg"),
    "Tiny ImageNet": images("tiny/train/cat/images/{i}.JPEG", "tiny/train/dog/images/{i}.JPEG")
    | images("tiny/val/images/{i}.JPEG", "tiny/test/images/{i}.JPEG")
    | {"tiny/train/cat/cat_boxes.txt": b"x", "tiny/wnids.txt": b"x", "tiny/val/val_annotations.txt": b"x"},
    "images and masks in each class": images("cat/images/{i}.png", "cat/masks/{i}.png")
    | images("dog/images/{i}.png", "dog/masks/{i}.png"),
    "images and masks above the classes": images("images/cat/{i}.jpg", "images/dog/{i}.jpg")
    | images("masks/cat/{i}.png", "masks/dog/{i}.png"),
    "a constant level": images("cat/256x256/{i}.jpg", "dog/256x256/{i}.jpg"),
    "a folder in each class": images("cat/a/{i}.jpg", "dog/b/{i}.jpg"),
    "repeated classes": images("cat/cat/{i}.jpg", "dog/dog/{i}.jpg"),
    "layer above splits": images("images/train/cat/{i}.jpg", "images/train/dog/{i}.jpg", "images/val/cat/{i}.jpg")
    | images("images/val/dog/{i}.jpg"),
    "layer in splits": images("train/imgs/cat/{i}.jpg", "train/imgs/dog/{i}.jpg", "val/imgs/cat/{i}.jpg")
    | images("val/imgs/dog/{i}.jpg"),
    "splits in each class": images("cat/train/{i}.jpg", "cat/test/{i}.jpg", "dog/train/{i}.jpg", "dog/test/{i}.jpg"),
    "splits of another name": images("Final_Training/cat/{i}.ppm", "Final_Training/dog/{i}.ppm", "Final_Test/{i}.ppm"),
    "originals and masks in each class": images("cat/original/{i}.png", "dog/original/{i}.png")
    | images("cat/mask/{i}.png", "dog/mask/{i}.png"),
    "two tests": images("Training/cat/{i}.jpg", "Training/dog/{i}.jpg", "PublicTest/cat/{i}.jpg")
    | images("PrivateTest/{i}.jpg"),
    "imgs in each class": images("cat/imgs/{i}.jpg", "dog/imgs/{i}.jpg"),
    "a large test set without labels": images("train/cat/{i}.jpg", "train/dog/{i}.jpg")
    | {f"test/{i}.jpg": JPEG for i in range(9)}
    | {f"unlabeled/{i}.jpg": JPEG for i in range(9)},
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("write", [write_zip, write_folder, write_tar])
def test_layouts_as_people_have_them(load, name, write):
    files = LAYOUTS[name]
    dataset = added_up(load(files, write=write), len(files))
    assert classes_of(dataset) == TWO_EACH
    assert dataset.rejected.empty
    assert dataset.counts["left_out"] == len(files) - 4


def test_a_chosen_split_is_read(load):
    files = LAYOUTS["repeated splits"]
    dataset = added_up(load(files, split="seg_test"), len(files))
    assert set(dataset.manifest["file_name"].str.split("/").str[0]) == {"seg_test"}
    assert dataset.form.startswith("ImageFolder, seg_test/<label>/<image>; not the other splits seg_train")
    dataset = load(LAYOUTS["splits in each class"], split="test")
    assert set(dataset.manifest["file_name"].str.split("/").str[1]) == {"test"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            images("animal/cat/{i}.jpg", "animal/dog/{i}.jpg", "vehicle/car/{i}.jpg", "vehicle/bus/{i}.jpg"),
            "two levels",
        ),
        (images("color/cat/{i}.jpg", "color/dog/{i}.jpg", "grey/cat/{i}.jpg", "grey/dog/{i}.jpg"), "the same folders"),
        (images("cat/{i}.jpg"), "all its images in cat"),
        (images("train/cat/{i}.jpg"), "all its images in train/cat"),
        (images("train/cat/{i}.jpg", "val/cat/{i}.jpg"), "classes"),
    ],
)
def test_what_is_no_dataset_of_two_classes_is_refused(load, files, words):
    with pytest.raises(WinnowError, match=words) as caught:
        load(files)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_classes_that_differ_in_case_alone_are_told(load):
    dataset = load(PLAIN | images("Cat/{i}.jpg"))
    assert any("'Cat', 'cat' differ in case" in note for note in dataset.notes)


# --- what vanishes ---


@pytest.mark.parametrize(
    "name",
    [
        *("a.jpg_large", "a.jpg.1", "a.jpg!d", "a.jpg~", "a.JPG ", "a.jpeg?w=200", "a.jfif", "a.JPE", "a.jpg (1)"),
        *(
            "a",
            "a.",
            "a.asp",
            "a.php?id=3",
            "a.bin",
            "a.tmp",
            "a.crdownload",
            "写真",
            "a b.c d",
            "a.webp",
            "a.jpg.part",
        ),
    ],
)
def test_an_image_is_one_by_its_content(load, name):
    files = PLAIN | {f"cat/{name}": OTHER_JPEG}
    for write in (write_zip, write_folder, write_tar):
        dataset = added_up(load(files, write=write), 5)
        assert classes_of(dataset) == {"cat": 3, "dog": 2}
        assert dataset.manifest["image_id"].str.fullmatch(r"img_[A-Za-z0-9.-]+").all()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ppm", picture(form="PPM")),
        ("a.pgm", picture(form="PPM", mode="L")),
        ("a.pbm", picture(form="PPM", mode="1")),
        ("a.tga", picture(form="TGA")),
        ("a.tiff", picture(form="TIFF")),
        ("a.avif", picture(form="AVIF")),
        ("a.jp2", picture(form="JPEG2000")),
        ("a.webp", picture(form="WEBP")),
        ("a.dib", picture(form="BMP")),
        ("a.jpg", picture(form="PNG")),  # called otherwise than it is
    ],
)
def test_formats_that_are_read(load, name, content):
    assert classes_of(added_up(load(PLAIN | {f"cat/{name}": content}), 5)) == {"cat": 3, "dog": 2}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("IMG_1.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo"),
        ("clip.mp4", b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        ("drawing.svg", b'<svg xmlns="">', "an SVG"),
        ("page.jpg", b"<!doctype html>", "a web page"),
        ("lfs.jpg", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("cut.jpg", JPEG[:-60], "truncated"),
        ("empty.jpg", b"", "empty"),
        ("more.zip", b"PK\x03\x04", "a zip"),
        ("noise", b"\1\2\3", "or other image that winnow reads"),
    ],
)
def test_what_is_no_image_in_a_class_is_rejected_by_name(load, name, content, words):
    dataset = added_up(load(PLAIN | {f"cat/{name}": content}), 5)
    assert dataset.rejected["file_name"].tolist() == [f"cat/{name}"]
    assert words in dataset.rejected["detail"][0]


def test_companions_are_left_out_by_reason(load):
    names = {
        "cat/notes.txt": "text",
        "README": "text",
        "LICENSE": "text",
        "docs/paper.pdf": "text",
        "cat/0.xml": "table",
        "train.csv": "table",
        "cat/features.npy": "cache",
        "model.pth": "cache",
        "load.py": "code",
        "inner.zip": "packed",
        "Makefile": "other",
        "logo.ai": "other",
    }
    dataset = added_up(load(PLAIN | dict.fromkeys(names, b"x")), 16)
    assert dataset.rejected.empty and classes_of(dataset) == TWO_EACH
    assert left_out(dataset) == dict(pd.Series(list(names.values())).value_counts())
    assert any("inner.zip" in note for note in dataset.notes)
    assert {companion(name) for name in ("a.jpg", "a", "a.heic", "a.mp4", "a.jpg_large")} == {None}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"bird/1.cr2": b"II*\0\x10\0\0\0CR\2\0", "bird/2.cr2": b"x"}, "bird/2.cr2"),
        ({"bird/1.heic": b"\0\0\0\x18ftypheic\0\0\0\0"}, "a HEIC photo"),
        ({"bird/1.jpg": b""}, "empty"),
        ({"bird/1.png": PNG[:100], "bird/2.txt": b"x"}, "truncated"),
    ],
)
def test_a_class_of_which_nothing_is_read_is_named(load, more, words):
    with pytest.raises(UnusableImages, match="no usable image of class 'bird'") as caught:
        load(PLAIN | more)
    assert words in str(caught.value) and "data.min_images_per_class" in str(caught.value)
    assert set(caught.value.rejected["file_name"]) == {name for name in more if companion(name) is None}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_an_empty_class_is_named(tmp_path, kind):
    root = write_folder(tmp_path / "set", PLAIN)
    (root / "bird").mkdir()
    path = root
    if kind != "folder":
        import shutil

        path = shutil.make_archive(str(tmp_path / "packed"), kind, root)
    with pytest.raises(UnusableImages, match="no usable image of class 'bird'; nothing is in the folder 'bird'"):
        load_dataset(path, class_names=[], split=None, image_size=SIZE, max_unpacked_bytes=10**8)
    dataset = load_dataset(
        path, class_names=[], split=None, image_size=SIZE, max_unpacked_bytes=10**8, min_images_per_class=1
    )
    assert classes_of(dataset) == TWO_EACH and any("leaves out 'bird'" in note for note in dataset.notes)


@pytest.mark.parametrize("name", ["clip.mp4", "weights.bin", "bare", "logo.ai"])
def test_a_folder_of_other_files_alone_is_no_class_and_told(load, name):
    dataset = added_up(load(PLAIN | {f"bird/{name}": b"\1\2\3"}), 5)
    assert classes_of(dataset) == TWO_EACH and dataset.rejected["file_name"].tolist() == [f"bird/{name}"]
    assert dataset.notes == (f"The folder 'bird' is no class: it holds no image (1 file, such as bird/{name}).",)
    with pytest.raises(UnusableImages, match="no usable image of class 'bird'"):
        load(PLAIN | {f"bird/{name}": b"\1\2\3"}, class_names=["bird", "cat", "dog"])
    assert classes_of(load(PLAIN | {f"bird/{name}": JPEG})) == TWO_EACH | {"bird": 1}


def test_a_folder_of_companions_alone_is_no_class_and_told(load):
    dataset = added_up(load(PLAIN | {"bird/1.pdf": b"x", "bird/2.txt": b"x"}), 6)
    assert classes_of(dataset) == TWO_EACH
    assert dataset.notes == ("The folder 'bird' is no class: it holds no image (2 files, such as bird/1.pdf).",)


def test_archives_and_tables_in_an_archive_are_named(load):
    with pytest.raises(WinnowError, match=r"holds no images, but the archive train\.zip and 1 more; unpack it"):
        load({"train.zip": b"PK", "train2.tar.gz": b"x", "readme.txt": b"x"})
    with pytest.raises(
        WinnowError, match=r"holds no images, but the table data/train-00000-of-00001\.parquet; name that"
    ):
        load({"changes.csv": b"x", "data/train-00000-of-00001.parquet": b"PAR1"})
    with pytest.raises(WinnowError, match=r"holds no images \(left out: 4 hidden\)"):
        load({f".data/{name}": content for name, content in PLAIN.items()})


# --- the course layout ---

TWO = {"img_a": [1, 0], "img_b": [0, 1]}


def course(labels, files=("img_a.jpg", "img_b.jpg"), **more):
    images = {f"set/imgs/{name}": picture(seed) for seed, name in enumerate(files)}
    return {"set/data-labels.json": json.dumps(labels).encode(), **images, **more}


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".PNG"])
def test_keys_that_are_names_of_files_are_taken(load, suffix):
    labels = {f"img_a{suffix}": [1, 0], f"img_b{suffix}": [0, 1]}
    dataset = added_up(load(course(labels, [f"img_a{suffix}", f"img_b{suffix}"])), 3)
    assert dataset.manifest["image_id"].tolist() == ["img_a", "img_b"] and dataset.rejected.empty
    assert "2 keys of set/data-labels.json are names of files" in dataset.notes[0]


@pytest.mark.parametrize("name", ["</script><script>alert(1)<", "<img src=x onerror=alert(1)>", "a<b"])
def test_markup_in_a_class_name_is_refused(load, name):
    with pytest.raises(WinnowError, match="which pages that show it would take for markup; rename the class"):
        load(course(TWO), class_names=["dog", name])


def test_a_name_too_long_for_a_copy_s_is_rejected_at_once(load):
    key = "img_" + "y" * 240
    dataset = added_up(load(course(TWO | {key: [1, 0]}, ["img_a.jpg", "img_b.jpg", f"{key}.jpg"])), 4)
    assert dataset.rejected["reason"].tolist() == ["bad-name"]
    assert dataset.rejected["detail"].str.startswith("the name has 244 characters, 200 are read; shorten it").all()


def test_a_key_that_is_no_text_is_named(load):
    with pytest.raises(WinnowError, match=r"has the key 'img_\\ud800', which is no text"):
        load(course(TWO | {"img_\ud800": [1, 0]}))


@pytest.mark.parametrize(
    ("key", "file"),
    [
        ("IMG_A", "img_A.jpg"),
        ("img_ab", "img_AB.jpg"),
        ("IMG_AB.JPG", "img_ab.jpg"),
        ("imgs/img_c.jpg", "img_c.jpg"),
        ("set\\imgs\\img_c.jpg", "img_c.jpg"),
        (" img_c ", "img_c.jpg"),
        ("img_c.png", "img_c.jpg"),
        ("c", "img_c.jpg"),
        ("IMG-C.jpeg", "img_c.jpg"),
    ],
)
def test_keys_that_are_spelt_otherwise_are_named(load, key, file):
    dataset = load(course(TWO | {key: [1, 0]}, ["img_a.jpg", "img_b.jpg", file]))
    detail = dict(zip(dataset.rejected["reason"], dataset.rejected["detail"], strict=True))["no-label"]
    assert f"but {key!r}: keys are spelt like the files" in detail


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"img_a": 0, "img_b": 1}, r"no one-hot lists .*that of 'img_a' is 0\); write each label as a list"),
        ({"img_a": "cat", "img_b": "dog"}, r"that of 'img_a' is \"cat\""),
        ({"img_a": [[1, 0]], "img_b": [[0, 1]]}, r"that of 'img_a' is \[\[1, 0\]\]"),
        ({"img_a": ["1", "0"], "img_b": ["0", "1"]}, r'\["1", "0"\] is no one-hot list of 2 numbers'),
    ],
)
def test_labels_that_are_no_one_hot_lists_are_shown(load, labels, words):
    with pytest.raises(WinnowError, match=words):
        load(course(labels))


def test_the_course_folder_in_another_case_is_named(load):
    files = course(TWO)
    lower = {name.replace("imgs", "Imgs"): content for name, content in files.items()}
    with pytest.raises(WinnowError, match=r"no files in set/imgs/ beside it; rename set/Imgs/ so\."):
        load(lower)
    lower = {name.replace("data-labels", "Data-Labels"): content for name, content in files.items()}
    with pytest.raises(
        WinnowError, match=r"no data-labels\.json beside that folder; rename set/Data-Labels\.json so\."
    ):
        load(lower)


def test_the_first_rejected_images_are_named_when_a_class_is_without_any(load):
    files = course({"IMG_A": [1, 0], "IMG_B": [0, 1], "IMG_C": [0, 1]}, ["img_a.jpg", "img_b.jpg", "img_c.jpg"])
    with pytest.raises(UnusableImages, match=r"3 no-image.*3 no-label|3 no-label.*3 no-image") as caught:
        load(files)
    assert len(caught.value.rejected) == 6
    assert all(f"but 'IMG_{letter}': keys are spelt like the files" in str(caught.value) for letter in "ABC")
    assert "(6 images were rejected" in str(caught.value)


def test_images_outside_the_course_folder_are_rejected_by_name(load):
    more = {"set/extra/img_c.jpg": JPEG, "img_d.png": PNG, "set/notes.txt": b"x", "set/run.exe": b"x"}
    dataset = added_up(load(course(TWO, **more)), 7)
    assert dataset.rejected["file_name"].tolist() == ["img_d.png", "set/extra/img_c.jpg"]
    assert left_out(dataset) == {"labels": 1, "text": 1, "other": 1}


# --- small classes ---


def test_small_classes_are_left_out_and_told(load):
    files = PLAIN | images("ant/0.jpg", "emu/0.jpg") | {"emu/broken.jpg": b"x"}
    dataset = added_up(load(files, min_images_per_class=2), 7)
    assert classes_of(dataset) == TWO_EACH
    assert dataset.manifest["label"].tolist() == [0, 0, 1, 1]
    assert dataset.counts["rejected.small-class"] == 2 and dataset.counts["rejected.does-not-decode"] == 1
    assert dataset.notes == ("data.min_images_per_class (2) leaves out 'ant', 'emu', with 2 images.",)
    assert len(dataset.images) == 4
    # A test set with all classes is read with those that stay.
    test = load(files, keep=dataset.class_names, every_class=False)
    assert test.class_names == ["cat", "dog"] and test.counts["rejected.unknown-class"] == 3


def test_small_classes_of_the_course_layout_are_left_out(load):
    labels = {"img_a": [1, 0, 0], "img_b": [0, 1, 0], "img_c": [0, 0, 1], "img_d": [0, 0, 1], "img_e": [1, 0, 0]}
    files = course(labels, [f"{key}.jpg" for key in labels])
    dataset = load(files, class_names=["x", "y", "z"], min_images_per_class=2)
    assert classes_of(dataset) == {"x": 2, "z": 2}
    test = load(files, class_names=["x", "y", "z"], keep=["x", "z"], every_class=False)
    assert test.manifest[["image_id", "label"]].to_numpy().tolist() == [
        ["img_a", 0],
        ["img_c", 1],
        ["img_d", 1],
        ["img_e", 0],
    ]
    assert load(files, keep=["0", "2"], every_class=False).manifest["label"].tolist() == [0, 1, 1, 0]


def test_too_few_images_are_told_at_once(load):
    with pytest.raises(UnusableImages, match="fewer than 2 usable images of class 'emu', one to train on and one to"):
        load(PLAIN | images("emu/0.jpg"), images_needed=2)
    with pytest.raises(UnusableImages, match="too few classes: 1 with the images that"):
        load(images("cat/{i}.jpg", "dog/0.jpg"), min_images_per_class=2)
    with pytest.raises(UnusableImages, match="too few classes: 0"):
        load(PLAIN, min_images_per_class=9)


# --- what is printed ---


def test_what_was_read_is_printed(load):
    lines = list(reading_lines(load(LAYOUTS["Tiny ImageNet"] | {"tiny/train/cat/images/x.JPEG": b"x"})))
    text = "\n".join(lines)
    assert "layout: ImageFolder, tiny/train/<label>/<image>; not the other splits test, val" in text
    assert "passed through: images" in text
    for words in (r"cat\s+2", r"dog\s+2", r"rejected\s+does-not-decode\s+1", r"left out\s+other-split\s+4"):
        assert pd.Series(lines).str.contains(words).any(), words
    headline = reading_headline(load(PLAIN | {"a.txt": b"x"}), "rejected.csv")
    assert headline.startswith("5 files in the archive, 1 left out; 4 images in, 4 accepted")
    many = SimpleNamespace(
        form="f", class_names=list(map(str, range(200))), counts={f"classes.{i}": 1 for i in range(200)}, notes=()
    )
    assert sum(line.split()[-1] == "1" for line in reading_lines(many)) == 60
    assert any("and 140 classes more" in line for line in reading_lines(many))


# --- properties ---

NAMES = ("cat", "dog", "train", "test", "images", "masks", ".git", "@eaDir", "a b", "Bär", "1")
FILES = ("a.jpg", "b.JPG ", "c.png", "d.txt", "e", "f.jpg_large", "Thumbs.db", ".hidden", "g.heic", "data.csv", "h.zip")
CONTENTS = {"jpg": JPEG, "png": PNG, "broken": JPEG[:-60], "text": b"hello", "nothing": b"", "zeros": bytes(700)}
TREES = st.dictionaries(
    st.tuples(st.lists(st.sampled_from(NAMES), max_size=4), st.sampled_from(FILES)).map(
        lambda t: "/".join([*t[0], t[1]])
    ),
    st.sampled_from(sorted(CONTENTS)),
    max_size=14,
)


def no_file_is_a_folder_too(names):
    return [name for name in names if not any(other.startswith(f"{name}/") for other in names)]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(TREES, st.booleans(), st.booleans())
def test_every_file_of_any_tree_is_accepted_rejected_or_left_out(tmp_path_factory, tree, classes, labelled):
    files = {name: CONTENTS[kind] for name, kind in tree.items()}
    if classes:
        files |= images(
            "set/cat/{i}.jpg", "set/dog/{i}.jpg", "set/cat/{i}a.jpg", "set/dog/{i}a.jpg", "set/dog/{i}b.jpg"
        )
    if labelled:
        files |= course(TWO)
    files = {name: files[name] for name in no_file_is_a_folder_too(files)} or {"a.txt": b""}
    folder = tmp_path_factory.mktemp("trees")
    found = []
    for write in (write_zip, write_tar, write_folder):
        (folder / write.__name__).mkdir()
        path = write(folder / write.__name__ / "set", files)
        try:
            dataset = load_dataset(path, class_names=[], split=None, image_size=SIZE, max_unpacked_bytes=10**8)
        except WinnowError as error:
            message = str(error)
            assert message.endswith(".") and "\n" not in message
            rejected = error.rejected if isinstance(error, UnusableImages) else None
            found.append((message.replace(str(path), ""), None if rejected is None else rejected.to_csv()))
            continue
        added_up(dataset, len(files))
        accounted = {*dataset.manifest["file_name"], *dataset.rejected["file_name"]} - {""}
        assert len(accounted) == len(files) - dataset.counts["left_out"]
        found.append(
            (dataset.counts, dataset.manifest.to_csv(), dataset.rejected.to_csv(), dataset.form, dataset.notes)
        )
    assert found[0] == found[1] == found[2]


STEMS = st.text(alphabet="abA1.-_ é", min_size=1, max_size=6).filter(lambda stem: stem.strip(". ") == stem)
SUFFIXES = st.sampled_from([".jpg", ".png", ".JPG", ".jpeg", ".jpg.1", "", ".b.jpg"])
PATHS = st.builds("{}/{}{}".format, st.sampled_from(["a", "b", "a-b", "a_b", "é"]), STEMS, SUFFIXES)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PATHS, min_size=1, max_size=12, unique=True), st.lists(PATHS, max_size=12))
def test_no_id_changes_with_the_files_beside_it(tmp_path_factory, paths, more):
    """Two classes are always there, so that both archives can be read."""
    folder = tmp_path_factory.mktemp("ids")

    def ids(names):
        files = {f"{root}{name}": b"" for root in ("",) for name in [*names, "a/own.jpg", "b/own.jpg"]}
        path = write_zip(folder / "set.zip", files)
        with open_archive(path, max_unpacked_bytes=10**8) as archive:
            entries = read_layout(archive, class_names=[], split=None).entries
        return {entry.file_name: entry.image_id for entry in entries if entry.image_id}

    before, after = ids(paths), ids([*paths, *more])
    assert {name: after[name] for name in before} == before
    assert len(set(after.values())) == len(after)
    assert after["a/own.jpg"] == "img_a-own"


@pytest.mark.parametrize(
    ("path", "image_id"),
    [
        ("cat/003.jpg", "img_cat-003"),
        ("cat/a-b.c.jpg", "img_cat-a-b.c"),
        ("iv/aba24486-ce5d-11eb.jpg", "img_iv-aba24486-ce5d-11eb"),
    ],
)
def test_ids_of_plain_paths_are_as_before(load, path, image_id):
    dataset = load({path: JPEG, "zebra/1.jpg": JPEG})
    assert dict(zip(dataset.manifest["file_name"], dataset.manifest["image_id"], strict=True))[path] == image_id
    assert image_id in set(
        load({path: JPEG, path.replace(".jpg", ".png"): PNG, "zebra/1.jpg": JPEG}).manifest["image_id"]
    )
