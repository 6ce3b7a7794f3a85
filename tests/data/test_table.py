"""Tables of images and labels: how files and labels are found in them, and what of them is unusable."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from archives import write_folder
from pictures import picture
from winnow.data.archive import open_archive
from winnow.data.layouts import entries, read_layout
from winnow.data.manifest import load_dataset
from winnow.errors import WinnowError
from winnow.export.parquet import schema

PICTURES = {name: picture(i) for i, name in enumerate(["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/3.jpg"])}
LABELS = ["cat", "dog", "cat", "dog"]


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "pets", PICTURES)


def layout_of(path, **options):
    with open_archive(path, max_unpacked_bytes=2**30) as archive:
        return read_layout(archive, **({"class_names": [], "split": None} | options))


def labels_of(layout):
    return {
        entry.file_name: None if entry.label is None else layout.class_names[entry.label] for entry in layout.entries
    }


def csv(table, **columns):
    pd.DataFrame(columns).to_csv(table, index=False)
    return table


def test_a_csv_of_paths_and_names(folder):
    layout = layout_of(csv(folder / "labels.csv", path=list(PICTURES), label=LABELS))
    assert labels_of(layout) == dict(zip(PICTURES, LABELS, strict=True))
    assert layout.form == "table, paths in the column 'path', labels in 'label'"
    assert layout.left_out == {"table-of-labels.json": "labels"}


@pytest.mark.parametrize("sep", [";", "\t", "|"])
def test_other_separators(folder, sep):
    name = "labels.tsv" if sep == "\t" else "labels.csv"
    frame = pd.DataFrame({"filename": list(PICTURES), "class": LABELS})
    frame.to_csv(folder / name, index=False, sep=sep)
    assert labels_of(layout_of(folder / name)) == dict(zip(PICTURES, LABELS, strict=True))


def test_jsonl_with_one_hot_lists(folder):
    rows = [
        {"file": name, "label": [int(label == "cat"), int(label == "dog")]}
        for name, label in zip(PICTURES, LABELS, strict=True)
    ]
    rows[1]["label"] = [1, 1]
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    layout = layout_of(folder / "labels.jsonl")
    assert layout.class_names == ["0", "1"]
    assert [entry.label for entry in layout.entries] == [0, None, 0, 1]
    assert [entry.problem for entry in layout.entries] == ["", "no-label", "", ""]


def test_a_column_per_class(folder):
    path = csv(folder / "labels.csv", image=list(PICTURES), cat=[1, 0, 1, 0], dog=[0, 1, 0, 1])
    assert labels_of(layout_of(path)) == dict(zip(PICTURES, LABELS, strict=True))


def test_integers_are_sorted_as_numbers(folder):
    layout = layout_of(csv(folder / "labels.csv", file=list(PICTURES), label=[10, 2, 10, 2]))
    assert layout.class_names == ["2", "10"]


def test_ids_are_found_among_the_files_below_if_one_alone_has_the_name(folder):
    layout = layout_of(csv(folder / "labels.csv", id=["2", "3", "1", "9"], breed=LABELS))
    assert labels_of(layout) == {"a/2.jpg": "cat", "b/3.jpg": "dog", "": None}
    missing = {entry.image_id: entry.problem for entry in layout.entries if entry.problem}
    assert missing == {"1": "no-image", "9": "no-image"}  # 1 is in both folders


def test_paths_from_elsewhere_have_names_below_what_they_share(folder, tmp_path):
    (tmp_path / "tables").mkdir()
    absolute = csv(tmp_path / "tables/a.csv", file=[str(folder / name) for name in PICTURES], label=LABELS)
    relative = csv(tmp_path / "tables/r.csv", file=[f"../pets/{name}" for name in PICTURES], label=LABELS)
    for path in (absolute, relative):
        assert labels_of(layout_of(path)) == dict(zip(PICTURES, LABELS, strict=True))


def test_rows_that_repeat_count_once_and_rows_that_disagree_not_at_all(folder):
    files = [*PICTURES, "a/1.jpg", "b/3.jpg"]
    layout = layout_of(csv(folder / "labels.csv", file=files, label=[*LABELS, "cat", "cat"]))
    problems = {entry.file_name: entry.problem for entry in layout.entries}
    assert problems == {"a/1.jpg": "", "a/2.jpg": "", "b/1.jpg": "", "b/3.jpg": "duplicate-id"}
    assert layout.notes == ("1 rows repeat another.",)


def test_an_id_does_not_depend_on_the_label(folder):
    first = layout_of(csv(folder / "labels.csv", file=list(PICTURES), label=LABELS))
    second = layout_of(csv(folder / "labels.csv", file=list(PICTURES), label=LABELS[::-1]))
    assert [entry.image_id for entry in first.entries] == [entry.image_id for entry in second.entries]
    assert len({entry.image_id for entry in first.entries}) == 4


def test_parquet_of_images_as_winnow_and_hugging_face_store_them(tmp_path):
    form = schema(["cat", "dog"])
    images = [{"bytes": content, "path": name.replace("/", "-")} for name, content in PICTURES.items()]
    images[3] = {"bytes": picture(3, form="PNG"), "path": None}
    pq.write_table(pa.table([images, [0, 1, 0, 1], list(PICTURES)], schema=form), tmp_path / "pets.parquet")
    layout = layout_of(tmp_path / "pets.parquet")
    assert layout.class_names == ["cat", "dog"]
    assert labels_of(layout) == {"a-1.jpg": "cat", "a-2.jpg": "dog", "b-1.jpg": "cat", "00000003.png": "dog"}
    with open_archive(tmp_path / "pets.parquet", max_unpacked_bytes=2**30) as archive:
        assert archive.read("a-1.jpg") == PICTURES["a/1.jpg"]
        assert Image.open(io.BytesIO(archive.read("00000003.png"))).format == "PNG"


def test_the_manifest_of_a_table_adds_up(folder):
    path = csv(folder / "labels.csv", file=[*PICTURES, "gone.jpg"], label=[*LABELS, "cat"])
    dataset = load_dataset(path, class_names=[], split=None, image_size=16, max_unpacked_bytes=2**30)
    counts = dataset.counts
    assert (counts["images_in"], counts["accepted"], counts["rejected.no-image"]) == (5, 4, 1)
    assert counts["files"] == counts["images_in"] + counts["left_out"] - counts["rejected.no-image"]
    assert np.array_equal(np.bincount(dataset.manifest["label"]), [2, 2])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("labels.csv", "a,b\n1,2\n", "none is called file"),
        ("labels.csv", "file,x,y2\na/1.jpg,3,4\n", "none is called label"),
        ("labels.csv", "file,label\n", "has no rows"),
        ("labels.csv", "file,label\na/1.jpg,cat\na/2.jpg,cat\n", "labels of 1 classes"),
        ("labels.parquet", "nothing", "cannot be read as a table"),
        ("labels.jsonl", "{", "cannot be read as a table"),
    ],
)
def test_a_table_that_is_none_is_refused_in_words(folder, name, content, words):
    (folder / name).write_text(content)
    with pytest.raises(WinnowError, match=words):
        layout_of(folder / name)


def test_a_table_has_no_splits(folder):
    with pytest.raises(WinnowError, match="has no splits"):
        layout_of(csv(folder / "labels.csv", file=list(PICTURES), label=LABELS), split="train")


def test_a_table_of_files_alone_has_no_labels(folder, tmp_path):
    table = csv(folder / "files.csv", file=[*PICTURES, "a/1.jpg", "gone.jpg"])
    layout = layout_of(table, unlabelled=True)
    assert layout.class_names == [] and layout.form == "table, paths in the column 'file', no labels"
    assert {entry.file_name: entry.problem for entry in layout.entries} == dict.fromkeys(PICTURES, "") | {
        "": "no-image"
    }
    assert layout.notes[1:] == ("1 rows repeat another.",)
    with pytest.raises(WinnowError, match=r"set data.class_names to \[\]"):
        layout_of(table, unlabelled=True, class_names=["cat"])


def test_parquet_of_images_and_their_files_has_no_labels(tmp_path):
    rows = [{"bytes": content, "path": None} for content in PICTURES.values()]
    pq.write_table(pa.table({"image": rows, "file": list(PICTURES)}), tmp_path / "images.parquet")
    assert layout_of(tmp_path / "images.parquet", unlabelled=True).class_names == []


def test_that_the_first_image_is_missing_gives_no_labels(tmp_path):
    rows = [None, *({"bytes": content, "path": None} for content in PICTURES.values())]
    pq.write_table(pa.table({"image": rows, "file": ["gone.jpg", *PICTURES]}), tmp_path / "images.parquet")
    layout = layout_of(tmp_path / "images.parquet", unlabelled=True)
    assert layout.class_names == [] and [e.problem for e in layout.entries].count("no-image") == 1


def test_an_image_file_too_large_is_rejected_and_not_read(folder, monkeypatch):
    monkeypatch.setattr(entries, "LARGEST_IMAGE", 20_000)
    (folder / "huge.png").write_bytes(bytes(20_001))
    csv(folder / "t.csv", file=[*PICTURES, "huge.png"], label=[*LABELS, "dog"])
    found = load_dataset(folder / "t.csv", max_unpacked_bytes=1e9, class_names=[], split=None, image_size=16)
    assert found.rejected[["file_name", "reason"]].to_numpy().tolist() == [["huge.png", "too-large"]]


@pytest.mark.parametrize("content", ["1\n2\n", "null\n", "[1]\n", '{"file":' + "[" * 100_000 + "\n"])
def test_lines_that_are_no_rows_are_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "t.jsonl").write_text(content)
    with pytest.raises(WinnowError, match="cannot be read as a table"):
        layout_of(tmp_path / "t.jsonl")


def test_a_path_too_long_for_the_system_is_a_missing_file(folder):
    csv(folder / "t.csv", file=[*PICTURES, "a" * 5000], label=[*LABELS, "dog"])
    assert [entry.problem for entry in layout_of(folder / "t.csv").entries if entry.problem] == ["no-image"]
