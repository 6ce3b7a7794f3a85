"""The manifest: layouts, rejections, repairs, counts that add up, and one broken data set per rule."""

import hashlib
import json
import tracemalloc
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import write_folder, write_tar, write_zip
from pictures import SIZE, picture
from winnow.data.decode import decode_pixels
from winnow.data.layouts import Entry, Layout, registry
from winnow.data.layouts.registry import Known
from winnow.data.manifest import _batches, load_dataset
from winnow.errors import WinnowError

SHARED = Path(__file__).parents[3] / "shared" / "data"


def course(labels, files=None, root="set"):
    """A data set in the course layout; `labels` is a mapping (written as JSON) or the labels file's text."""
    text = labels if isinstance(labels, str) else json.dumps(labels)
    if files is None:
        files = {f"{key}.jpg": picture(seed) for seed, key in enumerate(labels)}
    return {f"{root}/data-labels.json": text.encode(), **{f"{root}/imgs/{name}": c for name, c in files.items()}}


@pytest.fixture
def load(tmp_path):
    """Pack the files and build their manifest."""

    def run(files, *, class_names=(), split=None, write=write_zip):
        path = write(tmp_path / f"{write.__name__}-set", files)
        return load_dataset(path, class_names=class_names, split=split, image_size=SIZE, max_unpacked_bytes=10**8)

    return run


def refused(load, files, *words, **options):
    with pytest.raises(WinnowError) as caught:
        load(files, **options)
    message = str(caught.value)
    assert "write_zip-set" in message  # says which archive
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message


TWO = {"img_a": [1, 0], "img_b": [0, 1]}


# --- course layout ---


def test_course_layout(load):
    files = course({"img_b": [0, 1, 0], "img_c": [0, 0, 1], "img_a": [1, 0, 0]})
    dataset = load(files | {"set/README.txt": b"hello"}, class_names=["x", "y", "z"])
    assert dataset.class_names == ["x", "y", "z"]
    manifest = dataset.manifest
    assert list(manifest) == ["image_id", "file_name", "label", "width", "height", "repairs", "bytes_sha256"]
    assert list(manifest["image_id"]) == ["img_a", "img_b", "img_c"]
    assert list(manifest["file_name"]) == ["set/imgs/img_a.jpg", "set/imgs/img_b.jpg", "set/imgs/img_c.jpg"]
    assert list(manifest["label"]) == [0, 1, 2]
    assert manifest.dtypes[["label", "width", "height"]].eq(np.int64).all()
    assert set(manifest["width"]) == set(manifest["height"]) == {SIZE}
    assert set(manifest["repairs"]) == {""}
    # Bytes that need no repair travel untouched.
    assert list(dataset.images["image_id"]) == list(manifest["image_id"])
    assert list(dataset.images["image_bytes"]) == [files[name] for name in manifest["file_name"]]
    assert list(manifest["bytes_sha256"]) == [hashlib.sha256(files[n]).hexdigest() for n in manifest["file_name"]]
    assert dataset.rejected.empty
    assert list(dataset.rejected) == ["file_name", "image_id", "reason", "detail"]
    assert dataset.counts == {
        "files": 5,
        "left_out": 2,
        "left_out.labels": 1,
        "left_out.text": 1,
        "images_in": 3,
        "accepted": 3,
        "accepted_share": 1.0,
        "rejected": 0,
        "converted": 0,
        "repaired": 0,
        "classes.x": 1,
        "classes.y": 1,
        "classes.z": 1,
        "imbalance": 1.0,
    }


def test_class_names_are_derived_from_the_commonest_length(load):
    dataset = load(course(TWO | {"img_c": [1, 0, 0]}))
    assert dataset.class_names == ["0", "1"]
    assert list(dataset.rejected["reason"]) == ["bad-label"]


@pytest.mark.parametrize("root", ["", "set/", "a/b/c/"])
def test_any_root(load, root):
    files = {name.replace("set/", root): content for name, content in course(TWO).items()}
    assert list(load(files).manifest["image_id"]) == ["img_a", "img_b"]


def test_every_kind_of_archive_gives_the_same_manifest(load):
    files = course({f"img_{i}": [int(i % 2 == 0), int(i % 2 == 1)] for i in range(20)})
    files["set/imgs/img_3.jpg"] = picture(form="PNG")
    files["set/imgs/img_4.jpg"] = files["set/imgs/img_7.jpg"] = b"broken"
    files["set/imgs/img_new.jpg"] = files["set/imgs/img_0new.jpg"] = picture()

    def write_reversed_tar(path, files):
        return write_tar(path, dict(reversed(files.items())), "w:gz")

    writers = (write_zip, write_reversed_tar, write_folder)
    from_zip, from_tar, from_folder = (load(files, write=write) for write in writers)
    for other in (from_tar, from_folder):
        pd.testing.assert_frame_equal(from_zip.manifest, other.manifest)
        pd.testing.assert_frame_equal(from_zip.images, other.images)
        pd.testing.assert_frame_equal(from_zip.rejected, other.rejected)
        assert from_zip.counts == other.counts
        assert from_zip.class_names == other.class_names
    assert list(from_zip.rejected["image_id"]) == ["img_0new", "img_4", "img_7", "img_new"]


@pytest.mark.parametrize(
    "label",
    [[1, 1], [0, 0], [2, -1], [1], [1, 0, 0], [0.5, 0.5], ["1", "0"], [True, False], [None, 1], [], 1, "10", None, {}],
)
def test_bad_labels(load, label):
    files = course(TWO | {"img_c": [1, 0], "img_bad": label})
    rejected = load(files).rejected
    assert list(rejected["image_id"]) == ["img_bad"]
    assert list(rejected["reason"]) == ["bad-label"]
    assert rejected["detail"][0].startswith(json.dumps(label))


@pytest.mark.parametrize(
    "name", ["photo.jpg", "img_x.txt", "img_.jpg", "img_x", "sub/img_x.jpg", "IMG_x.jpg", "img_ä.jpg"]
)
def test_bad_names(load, name):
    rejected = load(course(TWO) | {f"set/imgs/{name}": picture()}).rejected
    assert rejected.values.tolist() == [[f"set/imgs/{name}", "", "bad-name", rejected["detail"][0]]]


def test_images_without_labels_and_labels_without_images(load):
    files = course(TWO | {"img_ghost": [1, 0]}) | {"set/imgs/img_new.jpg": picture()}
    del files["set/imgs/img_ghost.jpg"]
    dataset = load(files)
    assert dataset.rejected[["file_name", "image_id", "reason"]].values.tolist() == [
        ["", "img_ghost", "no-image"],
        ["set/imgs/img_new.jpg", "img_new", "no-label"],
    ]
    assert dataset.counts["images_in"] == 4


def test_two_files_with_one_id_are_both_rejected(load):
    files = course(TWO | {"img_c": [1, 0]}) | {"set/imgs/img_c.png": picture(form="PNG")}
    dataset = load(files)
    assert list(dataset.rejected["reason"]) == ["duplicate-id", "duplicate-id"]
    assert dataset.rejected["detail"].str.contains("img_c.jpg, set/imgs/img_c.png", regex=False).all()
    assert list(dataset.manifest["image_id"]) == ["img_a", "img_b"]


def test_labels_that_cannot_be_read(load):
    images = {"img_a.jpg": picture()}
    refused(load, course('{"img_a": [1, 0],\n "img_b" [0, 1]}', images), "data-labels.json", "line 2, column 10")
    refused(load, course("", images), "data-labels.json", "not valid JSON", "line 1")
    refused(load, course("[[1, 0]]", images), "data-labels.json", "is not an object")
    refused(load, course("[" * 100_000, images), "data-labels.json", "not valid JSON")
    repeated = '{"img_a": [1, 0],\n "img_b": [1, 0],\n "img_a": [0, 1]}'
    refused(load, course(repeated, images), "data-labels.json", "has the key 'img_a' twice (line 3)")
    files = course(TWO)
    files["set/data-labels.json"] = b'{"img_\xff": [1, 0]}'
    refused(load, files, "data-labels.json", "not UTF-8 text (byte 6)")
    refused(load, course('{"img_a": "cat"}', images), "has no one-hot lists")
    refused(load, course("{}", images), "has no one-hot lists")


def test_a_byte_order_mark_is_harmless(load):
    files = course(TWO)
    files["set/data-labels.json"] = b"\xef\xbb\xbf" + files["set/data-labels.json"]
    assert load(files).counts["accepted"] == 2


def test_missing_parts(load):
    files = course(TWO)
    without_labels = {name: content for name, content in files.items() if "imgs" in name}
    refused(load, without_labels, "images in set/imgs/ but no data-labels.json")
    refused(load, {"set/data-labels.json": files["set/data-labels.json"]}, "no files in set/imgs/")
    refused(load, files | course(TWO, root="other"), "2 files data-labels.json", "other/data-labels.json")
    refused(load, files, "has 3 names but the labels", "2 positions", class_names=["x", "y", "z"])
    refused(load, {"README.txt": b"hello"}, "holds no images")
    refused(load, {}, "holds no images")


def test_a_class_without_a_usable_image(load):
    labels = {"img_a": [1, 0, 0], "img_b": [0, 1, 0], "img_c": [0, 0, 1]}
    files = course(labels) | {"set/imgs/img_b.jpg": b"broken"}
    refused(load, files, "no usable image of class 'y'", "1 does-not-decode", class_names=["x", "y", "z"])
    files["set/imgs/img_c.jpg"] = b""
    refused(load, files, "no usable image of class '1', '2'")


# --- ImageFolder ---

FOLDERS = {
    "cat/a b.jpg": picture(0),
    "cat/c.png": picture(1, form="PNG"),
    "dog_x/1.jpg": picture(2),
    "dog_x/notes.txt": b"hello",
    "LICENSE": b"hello",
}


@pytest.mark.parametrize("root", ["", "root/", "a/b/"])
def test_image_folder(load, root):
    dataset = load({root + name: content for name, content in FOLDERS.items()})
    assert dataset.class_names == ["cat", "dog_x"]
    assert list(dataset.manifest["image_id"]) == ["img_cat-a-b-a486c4ad", "img_cat-c-0afcd594", "img_dog-x-1-05130bc6"]
    assert list(dataset.manifest["file_name"]) == [f"{root}cat/a b.jpg", f"{root}cat/c.png", f"{root}dog_x/1.jpg"]
    assert list(dataset.manifest["label"]) == [0, 0, 1]
    assert dataset.rejected.empty


def test_image_folder_with_named_classes(load):
    dataset = load(FOLDERS | {"emu/1.jpg": picture()}, class_names=["dog_x", "cat"])
    assert list(dataset.manifest["label"]) == [1, 1, 0]
    assert dataset.rejected[["file_name", "image_id", "reason"]].values.tolist() == [
        ["emu/1.jpg", "img_emu-1", "unknown-class"]
    ]
    refused(load, FOLDERS, "no usable image of class 'fox'", class_names=["cat", "dog_x", "fox"])


def test_image_folder_rejects_stray_images(load):
    dataset = load(FOLDERS | {"cover.jpg": picture(), "cat/deep/1.jpg": picture()})
    assert dict(zip(dataset.rejected["file_name"], dataset.rejected["reason"], strict=True)) == {
        "cover.jpg": "bad-name",
        "cat/deep/1.jpg": "bad-name",
    }


def test_image_folder_rejects_pictures_that_it_cannot_read_or_place(load):
    """What is in a folder of a label is told, whatever it is called; notes and tables are left out and counted."""
    strays = {"cat/phone.HEIC": b"x", "dog_x/web.jfif": b"x", "cat/bare": b"x"}
    dataset = load(
        {"data/" + name: content for name, content in FOLDERS.items()}
        | {f"data/{name}": content for name, content in strays.items()}
        | {"bird/1.jpg": picture(), "cat/list.csv": b"x"}
    )
    assert sorted(dataset.rejected["file_name"]) == sorted([*(f"data/{name}" for name in strays), "bird/1.jpg"])
    assert set(dataset.rejected["reason"]) == {"bad-name", "does-not-decode"} and dataset.counts["images_in"] == 7
    assert dataset.counts["left_out.table"] == 1 and dataset.counts["left_out.text"] == 2
    splits = {f"{split}/{label}/{i}.jpg": picture() for split in ("train", "val") for label in "ab" for i in range(2)}
    dataset = load(splits | {"train/cover.jpg": picture(), "cover.jpg": picture()})
    assert sorted(dataset.rejected["file_name"]) == ["cover.jpg", "train/cover.jpg"]  # and none of val/


def test_a_folder_name_in_decomposed_letters_is_the_same_class(load):
    folder = unicodedata.normalize("NFD", "bär")
    dataset = load({f"{folder}/1.jpg": picture(), "cat/1.jpg": picture(1)}, class_names=["cat", "bär"])
    assert dataset.rejected.empty and sorted(dataset.manifest["label"]) == [0, 1]
    assert load({f"{folder}/1.jpg": picture(), "cat/1.jpg": picture(1)}).class_names == ["bär", "cat"]


def test_a_flat_test_folder_beside_the_classes_is_not_mistaken_for_the_dataset(load):
    files = {f"train/{label}/{i}.jpg": picture(i) for label in ("cat", "dog") for i in range(2)}
    dataset = load(files | {f"test/{i}.jpg": picture(i) for i in range(9)}, split="train")
    assert dataset.class_names == ["cat", "dog"] and len(dataset.manifest) == 4
    assert dataset.counts["left_out.other-split"] == 9


def test_a_long_file_name_leaves_room_for_the_names_of_its_copies(load):
    names = [f"cat/{'x' * 240}{i}.jpg" for i in range(2)]
    ids = load({name: picture() for name in names} | {"dog/1.jpg": picture()}).manifest["image_id"]
    assert ids.is_unique and ids.str.len().max() < 180


def test_image_folder_loses_no_image_to_the_letters_of_its_name(load):
    alike = ["cat/a-b.jpg", "cat/a_b.jpg", "cat/a b.jpg", "cat/1.jpg", "cat/1.png", "dog/pâté.jpg", "dog/pété.jpg"]
    files = {name: picture() for name in [*alike, "猫/写真あ.jpg", "猫/写真い.jpg", "犬/写真あ.jpg", "cat/plain.jpg"]}
    dataset = load(files)
    assert dataset.rejected.empty and len(dataset.manifest) == len(files)
    assert dataset.manifest["image_id"].str.fullmatch(r"img_[A-Za-z0-9.-]+").all()
    ids = dict(zip(dataset.manifest["file_name"], dataset.manifest["image_id"], strict=True))
    assert ids["cat/plain.jpg"] == "img_cat-plain"
    # What makes an id is the file's own path: the same one in a larger archive.
    assert ids["dog/pâté.jpg"] == "img_dog-p-t--452f9179"
    assert ids["cat/a-b.jpg"] == "img_cat-a-b"
    assert all(ids[name].startswith("img_cat-a-b-") for name in alike[1:3])


@pytest.mark.parametrize("root", ["", "root/"])
def test_image_folder_with_splits(load, root):
    def files(*splits):
        return {
            f"{root}{split}/{label}/{i}.jpg": picture(i)
            for n, split in enumerate(splits)
            for label in ("cat", "dog")
            for i in range(n + 1)
        }

    assert load(files("train", "val")).counts["images_in"] == 2
    assert load(files("train", "val"), split="val").counts["images_in"] == 4
    assert load(files("train", "val"), split="val").manifest["image_id"].iloc[0] == "img_cat-0"
    assert load(files("train"), split="train").counts["images_in"] == 2
    refused(load, files("train"), "no split 'test'", "all in", "to null", split="test")
    refused(load, files("dev", "val"), "several splits and none called 'train'", "data.split", "dev, val")
    refused(load, files("train", "val"), "no split 'test'", "train, val", split="test")


def test_image_folders_of_the_wrong_depth(load):
    flat = {f"set/{i}.jpg": picture(i) for i in range(3)}
    refused(load, flat, "all its images in set", "each class into a folder of its own")
    deep = {f"{a}/{b}/{c}/1.jpg": picture() for a in "ab" for b in "cd" for c in "ef"}
    refused(load, deep, "3 folders below its root")


# --- counts ---


FAULTS = {
    "": lambda key: ({f"{key}.jpg": picture()}, [1, 0]),
    "converted": lambda key: ({f"{key}.png": picture(form="PNG", mode="L")}, [0, 1]),
    "does-not-decode": lambda key: ({f"{key}.jpg": b"no image"}, [1, 0]),
    "truncated": lambda key: ({f"{key}.jpg": picture()[:-60]}, [1, 0]),
    "bad-label": lambda key: ({f"{key}.jpg": picture()}, [1, 1]),
    "no-label": lambda key: ({f"{key}.jpg": picture()}, None),
    "no-image": lambda key: ({}, [0, 1]),
    "bad-name": lambda key: ({f"{key}.pdf.exe": picture()}, None),
    "duplicate-id": lambda key: ({f"{key}.jpg": picture(), f"{key}.jpeg": picture()}, [0, 1]),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(FAULTS)), max_size=20))
def test_counts_add_up(load, faults):
    labels, files = dict(TWO), {"img_a.jpg": picture(), "img_b.jpg": picture()}
    for number, fault in enumerate(faults):
        more, label = FAULTS[fault](f"img_{number}")
        files |= more
        if label:
            labels[f"img_{number}"] = label
    dataset = load(course(labels, files))
    counts = dataset.counts
    assert counts["images_in"] == counts["accepted"] + counts["rejected"] == len(files) + faults.count("no-image")
    assert (
        counts["accepted"]
        == len(dataset.manifest)
        == len(dataset.images)
        == 2 + faults.count("") + faults.count("converted")
    )
    assert counts["repaired"] == 0 and counts["converted"] == faults.count("converted")
    assert counts["classes.0"] + counts["classes.1"] == counts["accepted"]
    assert counts["accepted_share"] == counts["accepted"] / counts["images_in"]
    for fault in set(FAULTS) - {"", "converted"}:
        expected = faults.count(fault) * (2 if fault == "duplicate-id" else 1)
        assert counts.get(f"rejected.{fault}", 0) == expected == (dataset.rejected["reason"] == fault).sum()
    assert sum(value for key, value in counts.items() if key.startswith("rejected.")) == counts["rejected"]


# --- real data ---


@pytest.mark.parametrize(
    ("name", "split", "accepted", "num_classes"),
    [
        ("ds801/test.zip", None, 500, 10),
        ("roman-numerals/roman-numerals.zip", "label_book", 52, 10),
        ("external-photos/external-photos.zip", None, 106, 10),
    ],
)
def test_real_archives(name, split, accepted, num_classes):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the real data set {name} is not on this machine")
    dataset = load_dataset(path, class_names=[], split=split, image_size=64, max_unpacked_bytes=2**30)
    assert (dataset.counts["accepted"], dataset.counts["rejected"]) == (accepted, 0)
    assert len(dataset.class_names) == num_classes
    assert decode_pixels(list(dataset.images["image_bytes"]), image_size=64).shape == (accepted, 64, 64, 3)


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_bytes_that_are_spooled_to_disk_are_those_held_in_memory(tmp_path, write):
    files = course({f"img_{key}": [1, 0] if key < "c" else [0, 1] for key in "dacb"})
    path = write(tmp_path / "set", files)
    options = {"class_names": (), "split": None, "image_size": SIZE, "max_unpacked_bytes": 10**8}
    held, spooled = (load_dataset(path, spool=spool, **options) for spool in (None, tmp_path / "spool"))
    pd.testing.assert_frame_equal(spooled.images, held.images)
    pd.testing.assert_frame_equal(pd.concat(spooled.image_frames()), held.images)
    assert list((tmp_path / "spool").iterdir()) == []  # the file has no name


def test_an_archive_without_a_usable_image_is_refused_with_and_without_a_spool(tmp_path):
    path = write_zip(tmp_path / "set", course(TWO, {"img_a.jpg": b"x", "img_b.jpg": b"y"}))
    for spool in (None, tmp_path / "spool"):
        with pytest.raises(WinnowError, match="no usable image of class"):
            load_dataset(path, class_names=(), split=None, image_size=SIZE, max_unpacked_bytes=10**8, spool=spool)


@pytest.mark.parametrize(("size", "files", "least"), [(3 * 2**20, 60, 6), (100, 2000, 4), (40 * 2**20, 4, 4)])
def test_files_are_read_in_batches_by_bytes(size, files, least):
    contents = ((str(i), bytes(size)) for i in range(files))
    batches = list(_batches(contents))
    assert [name for batch in batches for name, _ in batch] == [str(i) for i in range(files)]
    assert len(batches) >= least
    for batch in batches:
        assert len(batch) <= 512 and sum(len(content) for _, content in batch[:-1]) < 32 * 2**20


@pytest.mark.parametrize("write", [write_zip, write_folder, write_tar])
def test_large_photos_are_not_held_at_once(tmp_path, write):
    """240 MB of photos, of which two batches of 32 MB at most are in memory, and the small images made of them."""
    photos = {f"{kind}/{i}.jpg": picture(i) + b"\0" * 6_000_000 for i in range(20) for kind in ("cat", "dog")}
    path = write(tmp_path / "set", photos)
    del photos
    tracemalloc.start()
    try:
        dataset = load_dataset(
            path,
            class_names=(),
            split=None,
            image_size=SIZE // 2,
            max_unpacked_bytes=10**9,
            spool=tmp_path / "spool",
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert dataset.counts["accepted"] == 40 and peak < 100 * 2**20


# --- registry ---


def test_a_layout_is_a_module_named_in_the_list(load, monkeypatch):
    """Here one whose labels stand in the file names, `<label>-<number>.jpg`."""

    def read(archive, *, class_names, split):
        stems = {name: name.removesuffix(".jpg") for name in archive.names()}
        labels = {name: list(class_names).index(stem.split("-")[0]) for name, stem in stems.items()}
        return Layout(list(class_names), [Entry(name, f"img_{stems[name]}", labels[name]) for name in labels])

    def matches(archive):
        return all("/" not in name for name in archive.names())

    flat = SimpleNamespace(FORM="<label>-<number>.jpg files", matches=matches, read=read)
    files = {name: picture(seed) for seed, name in enumerate(["owl-1.jpg", "cat-7.jpg"])}
    refused(load, files, "all its images in its root", class_names=["cat", "owl"])
    monkeypatch.setattr(registry, "LAYOUTS", {"numbered": Known(flat), **registry.LAYOUTS})
    manifest = load(files, class_names=["cat", "owl"]).manifest
    assert manifest[["image_id", "label"]].to_numpy().tolist() == [["img_cat-7", 0], ["img_owl-1", 1]]
    assert load(course(TWO)).counts["accepted"] == 2  # others are read as before
    miracle = SimpleNamespace(FORM="a miracle", matches=lambda archive: False)
    monkeypatch.setattr(registry, "LAYOUTS", {"miracle": Known(miracle)})
    refused(load, files, "holds no images; it needs a miracle")
