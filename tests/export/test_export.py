"""The cleaned dataset: original bytes under original names, corrected labels, and every file accounted for."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from archives import write_folder, write_tar, write_zip
from decided import decided_without_labels
from pictures import located, picture
from winnow import tables
from winnow.curation.rules import LABEL_ISSUE
from winnow.data.archive import open_archive
from winnow.data.layouts.registry import read_dataset
from winnow.errors import WinnowError
from winnow.export import FORMATS, OWN
from winnow.export.changes import changed, confidence, counts, file_table
from winnow.export.export import export_dataset, export_workspace
from winnow.export.imagefolder import folder_names, places
from winnow.params.init import params_text
from winnow.workspace import Workspace

NAMES = ["cat", "dog"]
FILES = {
    "set/cat/1.png": picture(1, form="PNG", size=(40, 30)),
    "set/cat/2.JPG": picture(2),
    "set/cat/3.jpg": picture(3),
    "set/dog/1.png": picture(4, form="PNG", mode="L"),
    "set/dog/4.jpg": picture(5),
    "set/dog/bad.jpg": b"nothing",
}
LIMIT = 2**30


@pytest.fixture
def ledger():
    """cat/1 and cat/3 are kept, cat/2 is an outlier, dog/1 is a cat, dog/4 nearly equals cat/3."""
    frame = pd.DataFrame(
        [
            ("set/cat/1.png", 0, 0, "keep", "keep"),
            ("set/cat/2.JPG", 0, -1, "drop", "ood"),
            ("set/cat/3.jpg", 0, 0, "keep", "keep"),
            ("set/dog/1.png", 1, 0, "relabel", "label_issue"),
            ("set/dog/4.jpg", 1, -1, "drop", "near_duplicate"),
        ],
        columns=["file_name", "label", "final_label", "action", "rule"],
    )
    return frame.assign(
        image_id=[f"img_{i}" for i in range(5)],
        reason="because",
        decided_by="rule",
        split=["train", "none", "validation", "train", "none"],
        label_quality_score=[0.9, 0.8, 0.9, 0.1, 0.9],
        suggested_label=[0, 0, 0, 0, 1],
        suggested_confidence=[0.9, 0.9, 0.9, 0.95, 0.9],
        ood_score=[0.0, 0.75, 0.0, 0.0, 0.0],
        duplicate_similarity=[np.nan, np.nan, np.nan, np.nan, 0.97],
        duplicate_kind=["", "", "near", "", "near"],
        bytes_sha256=[hashlib.sha256(FILES[name]).hexdigest() for name in frame["file_name"]],
    )


@pytest.fixture
def rejected():
    return pd.DataFrame(
        [("set/dog/bad.jpg", "img_5", "unreadable", "no JPEG, PNG or other image")],
        columns=["file_name", "image_id", "reason", "detail"],
    )


@pytest.fixture
def export(tmp_path, ledger, rejected):
    source = write_folder(tmp_path / "mine", FILES)

    def run(form="imagefolder", source=source, **options):
        to = tmp_path / f"cleaned-{form}"
        options = {"class_names": NAMES, "source": source, "form": form, "max_unpacked_bytes": LIMIT} | options
        return to, export_dataset(to, ledger, rejected, **options)

    return run


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_that_say_where_they_were_taken_are_counted(export, tmp_path, ledger):
    content_of = FILES | {"set/cat/3.jpg": located(), "set/cat/2.JPG": located(quality=90)}
    ledger["bytes_sha256"] = [hashlib.sha256(content_of[name]).hexdigest() for name in ledger["file_name"]]
    to, exported = export(source=write_folder(tmp_path / "phone", content_of))
    assert exported.located == 1  # the other one is dropped
    assert "1 of the files say where they were taken" in exported.summary
    assert next(to.rglob("3.jpg")).read_bytes() == content_of["set/cat/3.jpg"]


def test_every_file_has_a_row_and_the_counts_add_up(ledger, rejected):
    files = file_table(ledger, rejected, class_names=NAMES)
    assert files["file"].tolist() == sorted(FILES)
    assert counts(files) == {"keep": 2, "relabel": 1, "drop": 2, "reject": 1}
    changes = changed(files).set_index("file")
    assert list(changes.index) == ["set/cat/2.JPG", "set/dog/1.png", "set/dog/4.jpg", "set/dog/bad.jpg"]
    assert changes.loc["set/dog/1.png", ["given_label", "new_label", "confidence"]].tolist() == ["dog", "cat", 0.95]
    assert changes.loc["set/cat/2.JPG", ["given_label", "new_label", "confidence"]].tolist() == ["cat", "", 0.75]
    assert changes.loc["set/dog/bad.jpg", ["action", "rule"]].tolist() == ["reject", "unreadable"]


def test_confidence_is_of_what_was_done(ledger):
    assert confidence(ledger) == pytest.approx([np.nan, 0.75, np.nan, 0.95, 0.97], nan_ok=True)
    exact = ledger.assign(duplicate_kind="exact", duplicate_similarity=np.nan)
    assert confidence(exact)[4] == 1.0
    too_little = ledger.assign(action="drop", rule=LABEL_ISSUE.name)
    assert confidence(too_little)[3] == pytest.approx(0.9)  # its label is wrong with 1 - 0.1
    assert np.isnan(confidence(ledger.assign(decided_by="ada"))).all()


def test_an_imagefolder_has_the_original_bytes_under_their_names(export):
    to, exported = export()
    digest = hashlib.sha256(FILES["set/dog/1.png"]).hexdigest()[:8]
    written = content(to)
    changes = pd.read_csv(io.BytesIO(written.pop("changes.csv")))
    assert written == {
        "images/cat/1.png": FILES["set/cat/1.png"],
        "images/cat/3.jpg": FILES["set/cat/3.jpg"],
        f"images/cat/1-{digest}.png": FILES["set/dog/1.png"],  # a cat now, and there is a cat of that name
    }
    assert len(changes) == 4
    assert "wrote 3 of 6 images" in exported.summary and sum(exported.counts.values()) == 6


def test_dropped_files_lie_apart_by_rule(export):
    to, exported = export(dropped=True)
    written = content(to)
    assert written["dropped/ood/cat/2.JPG"] == FILES["set/cat/2.JPG"]
    assert written["dropped/near_duplicate/dog/4.jpg"] == FILES["set/dog/4.jpg"]
    assert sum(name.startswith("images/") for name in written) == 3
    assert "which are in" in exported.summary


@pytest.mark.parametrize("write", [write_zip, write_tar])
@pytest.mark.parametrize("form", [form for form in FORMATS if form not in OWN])
def test_an_archive_exports_what_its_folder_does(export, tmp_path, write, form):
    folder, _ = export(form)
    of_folder = content(folder)
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()
    folder.rename(tmp_path / "first")
    packed, _ = export(form, source=write(tmp_path / "mine.packed", FILES))
    of_archive = content(packed)
    if form == "csv":  # files of a folder stay where they are
        table = pd.read_csv(io.BytesIO(of_archive["labels.csv"]))
        assert [of_archive[name] for name in table["file"]] == [FILES[n.removeprefix("images/")] for n in table["file"]]
    else:
        assert of_archive == of_folder


def test_files_are_copied_unless_links_are_asked_for(export, tmp_path):
    to, _ = export()
    assert (to / "images/cat/3.jpg").stat().st_nlink == 1
    for path in sorted(to.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    to, _ = export(link=True)
    assert (to / "images/cat/3.jpg").samefile(tmp_path / "mine/set/cat/3.jpg")


def test_a_table_points_to_the_files_where_they_are(export):
    to, _ = export("csv")
    table = pd.read_csv(to / "labels.csv")
    assert table["label"].tolist() == ["cat", "cat", "cat"] and table["given_label"].tolist() == ["cat", "cat", "dog"]
    assert [(to / name).read_bytes() for name in table["file"]] == [
        FILES[name] for name in ("set/cat/1.png", "set/cat/3.jpg", "set/dog/1.png")
    ]


def test_parquet_has_the_form_of_hugging_face(export):
    to, _ = export("parquet")
    table = pq.read_table(to / "data/train-00000-of-00001.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": NAMES, "_type": "ClassLabel"}
    assert set(features) == set(table.column_names)
    rows = table.to_pylist()
    assert [row["label"] for row in rows] == [0, 0, 0]
    assert [row["image"]["path"] for row in rows] == ["1.png", "3.jpg", "1.png"]
    assert [row["image"]["bytes"] for row in rows] == [FILES[row["file"]] for row in rows]
    assert Image.open(io.BytesIO(rows[0]["image"]["bytes"])).size == (40, 30)


def test_hugging_face_opens_the_parquet(export, tmp_path):
    import datasets

    to, _ = export("parquet")
    loaded = datasets.load_dataset(str(to), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.features["label"].names == NAMES and loaded["label"] == [0, 0, 0]
    assert loaded[0]["image"].size == (40, 30)


def test_torchvision_opens_the_imagefolder(export):
    from torchvision.datasets import ImageFolder

    to, _ = export()
    opened = ImageFolder(str(to / "images"))
    assert opened.classes == ["cat"] and len(opened) == 3


def test_what_is_said_opens_every_file_and_every_label(export, tmp_path, ledger, rejected):
    """torchvision takes nine suffixes, of which .gif is none, and pandas reads the label NA as missing."""
    import torchvision

    ledger = ledger.assign(file_name=ledger["file_name"].replace("set/cat/3.jpg", "set/cat/3.gif"))
    content_of = {name.replace("cat/3.jpg", "cat/3.gif"): file for name, file in FILES.items()}
    options = {"class_names": ["NA", "dog"], "source": write_folder(tmp_path / "gifs", content_of)}
    options |= {"max_unpacked_bytes": LIMIT}
    said = export_dataset(tmp_path / "f", ledger, rejected, form="imagefolder", **options).opens
    assert len(eval(said, {"torchvision": torchvision})) == 3
    said = export_dataset(tmp_path / "c", ledger, rejected, form="csv", **options).opens
    assert eval(said.partition(";")[0], {"pandas": pd})["label"].tolist() == ["NA"] * 3


def test_a_file_that_changed_since_stops_the_export_and_leaves_nothing(export, tmp_path):
    (tmp_path / "mine/set/cat/3.jpg").write_bytes(FILES["set/cat/2.JPG"])
    with pytest.raises(WinnowError, match=r"3\.jpg is not what it was"):
        export()
    (tmp_path / "mine/set/cat/3.jpg").unlink()
    with pytest.raises(WinnowError, match="lacks set/cat/3"):
        export()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_nothing_is_overwritten(export, tmp_path):
    (tmp_path / "cleaned-csv").mkdir()
    (tmp_path / "cleaned-csv/mine.txt").write_text("mine")
    with pytest.raises(WinnowError, match="there already"):
        export("csv")
    assert (tmp_path / "cleaned-csv/mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [({"form": "zip"}, "no format 'zip'"), ({"form": "csv", "dropped": True}, "no place for dropped")],
)
def test_what_cannot_be_written_is_refused_in_words(export, options, words):
    with pytest.raises(WinnowError, match=words):
        export(**options)


def test_class_names_that_no_folder_can_have():
    assert folder_names(["a/b", "..", "plain"]) == {"a/b": "a-b", "..": "_..", "plain": "plain"}
    with pytest.raises(WinnowError, match="would share a folder"):
        folder_names(["a/b", "a-b"])


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from([*NAMES, ""]), st.sampled_from(["x.jpg", "X.jpg", "y.jpg"])),
        max_size=30,
    )
)
def test_no_two_files_share_a_place_and_none_changes_its_suffix(rows):
    files = pd.DataFrame(rows, columns=["given_label", "new_label", "name"]).astype(object)
    files["file"] = [f"{i:02d}/{name}" for i, name in enumerate(files["name"])]
    files = files.assign(rule="ood", bytes_sha256="ab" * 32)
    found = places(files, folder_names(NAMES))
    assert len({place.casefold() for place in found.values()}) == len(files)
    for file, new in zip(files["file"], files["new_label"], strict=True):
        place = found[file]
        assert place.endswith(".jpg")
        assert place.startswith(f"images/{new}/" if new else "dropped/ood/")


def test_files_that_say_where_they_were_taken_are_counted_and_told(export, tmp_path, ledger):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 8.0, 0.0)
    content = picture(3, exif=exif)
    ledger.loc[2, "bytes_sha256"] = hashlib.sha256(content).hexdigest()
    source = write_folder(tmp_path / "located", {**FILES, "set/cat/3.jpg": content})
    folder, done = export(source=source)
    assert done.located == 1
    assert "1 of the files say where they were taken (GPS in their EXIF)" in done.summary
    assert (folder / "images/cat/3.jpg").read_bytes() == content


def test_no_cell_of_the_list_of_changes_is_a_formula(export, ledger):
    ledger.loc[1, "reason"] = '=HYPERLINK("http://example.org")'
    folder, done = export()
    assert "GPS" not in done.summary
    raw = pd.read_csv(folder / "changes.csv", dtype=str, keep_default_na=False)
    assert not raw.map(lambda cell: cell[:1] in tuple("=+-@")).any(axis=None)
    read = tables.read_csv(folder / "changes.csv", text=lambda name: name != "confidence", guarded=True)
    assert '=HYPERLINK("http://example.org")' in read["reason"].tolist()


PICTURES = {f"images/{i}.jpg": picture(i) for i in range(4)}
YOLO = {
    "data.yaml": b"path: .\ntrain: images\nnames: [cell, dust]\n",
    **PICTURES,
    **{f"labels/{i}.txt": f"{i % 2} .5 .5 .2 .2\n".encode() for i in range(4)},
}
COCO = {
    "all.json": json.dumps(
        {
            "images": [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 64, "own": "é"} for i in range(4)],
            "annotations": [{"id": i, "image_id": i, "category_id": i % 2, "bbox": [1, 2, 3, 4]} for i in range(4)],
            "categories": [{"id": 0, "name": "cell"}, {"id": 1, "name": "dust"}],
        }
    ).encode(),
    **PICTURES,
}


@pytest.mark.parametrize(("form", "files"), [("coco", COCO), ("yolo", YOLO)])
def test_a_dataset_of_boxes_goes_out_as_it_came_with_the_annotations_of_what_is_left(tmp_path, form, files):
    source = write_folder(tmp_path / "mine", files)
    options = {"class_names": [], "source": source, "form": form, "max_unpacked_bytes": LIMIT}
    exported = export_dataset(tmp_path / "out", *decided_without_labels(PICTURES), **options, dropped=True)
    assert exported.counts == {"keep": 2, "relabel": 0, "drop": 1, "reject": 1}
    assert "label they came with" not in exported.summary
    written = content(tmp_path / "out")
    assert written["images/0.jpg"] == files["images/0.jpg"]
    assert written["dropped/exact_duplicate/images/1.jpg"] == files["images/1.jpg"]
    export_dataset(tmp_path / "again", *decided_without_labels(PICTURES), **options)
    with open_archive(tmp_path / "again", max_unpacked_bytes=LIMIT) as archive:
        read = read_dataset(archive)
    assert [item.file for item in read.items] == ["images/0.jpg", "images/2.jpg"] and not read.problems
    assert [box.class_name for item in read.items for box in item.boxes] == ["cell", "cell"]
    if form == "coco":
        left = json.loads(written["all.json"])
        assert [image["id"] for image in left["images"]] == [0, 2] and left["images"][0]["own"] == "é"


def test_what_needs_labels_or_another_layout_is_refused_for_images_without_labels(tmp_path):
    source = write_folder(tmp_path / "mine", YOLO)
    options = {"class_names": [], "source": source, "max_unpacked_bytes": LIMIT}
    with pytest.raises(WinnowError, match="has no labels, which imagefolder needs"):
        export_dataset(tmp_path / "out", *decided_without_labels(PICTURES), **options, form="imagefolder")
    with pytest.raises(WinnowError, match="--format coco writes back what came so"):
        export_dataset(tmp_path / "out", *decided_without_labels(PICTURES), **options, form="coco")
    assert not (tmp_path / "out").exists()
    export_dataset(tmp_path / "out", *decided_without_labels(PICTURES), **options, form="parquet")
    table = pq.read_table(tmp_path / "out/data")
    assert table.column_names == ["image", "file"] and table.num_rows == 2


def test_a_format_that_would_lose_labels_or_was_not_what_came_is_refused_in_words(tmp_path):
    source = write_folder(tmp_path / "pets", {f"{name}/{i}.jpg": picture(i) for name in ("cat", "dog") for i in (0, 1)})
    ledger, rejected = decided_without_labels(PICTURES)
    options = {"source": source, "max_unpacked_bytes": 2**30}
    with pytest.raises(WinnowError, match="flat has no place for the label of an image"):
        export_dataset(tmp_path / "out", ledger, rejected, class_names=["cat", "dog"], **options, form="flat")
    with pytest.raises(WinnowError, match="--format coco writes back what came so"):
        export_dataset(tmp_path / "out", ledger, rejected, class_names=[], **options, form="coco")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("inside", ["cleaned", "set/cat/cleaned"])
def test_an_export_into_the_dataset_is_refused_and_leaves_it_alone(tmp_path, ledger, rejected, inside):
    source = write_folder(tmp_path / "mine", FILES)
    options = {"class_names": NAMES, "source": source, "max_unpacked_bytes": LIMIT}
    with pytest.raises(WinnowError, match="cleaned lies in the dataset; name a folder outside"):
        export_dataset(source / inside, ledger, rejected, **options)
    assert content(source).keys() == FILES.keys()


@pytest.mark.parametrize("place", ["/dev/null/x", "/proc/x"])
def test_an_export_that_cannot_be_written_is_one_sentence(tmp_path, ledger, rejected, place):
    options = {"class_names": NAMES, "source": write_folder(tmp_path / "mine", FILES), "max_unpacked_bytes": LIMIT}
    with pytest.raises(WinnowError, match=rf"^{place} cannot be written \(.*\); name another folder\.$"):
        export_dataset(Path(place), ledger, rejected, **options)


@pytest.fixture
def workspace(root, tmp_path, ledger, rejected):
    """What the pipeline decided on FILES, in the folder `mine` beside it."""
    write_folder(tmp_path / "mine", FILES)
    workspace = Workspace(tmp_path / "w")
    tables.write_parquet(ledger, workspace.path("ledger"))
    workspace.write("rejected", rejected)
    workspace.write("classes", NAMES)
    tables.write_parquet(pd.DataFrame({"image_id": []}), workspace.path("objects"))
    text = params_text("imagefolder", ["data.archive=../mine"], folder=root)
    (workspace.root / "params.yaml").write_text(text)
    return workspace.root


def test_a_file_that_could_not_be_read_keeps_the_label_that_it_came_with(workspace, tmp_path):
    export_workspace(workspace, tmp_path / "cleaned", form=None, dropped=False, link=False)
    changes = pd.read_csv(tmp_path / "cleaned/changes.csv").set_index("file")
    assert changes.loc["set/dog/bad.jpg", ["given_label", "action"]].tolist() == ["dog", "reject"]


def test_an_export_into_the_raw_data_of_the_workspace_is_refused(workspace):
    to = workspace / "data/raw/cleaned"
    with pytest.raises(WinnowError, match="cleaned lies in the dataset; name a folder outside"):
        export_workspace(workspace, to, form=None, dropped=False, link=False)
    assert not to.exists()
