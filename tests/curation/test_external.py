"""External photos: which are taken, how they are cropped, what they are compared with; and confirmations."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from archives import write_folder, write_zip
from curation_data import kept_images
from winnow.curation.external import CHECKS, COLUMNS, check_external, no_photos, read_external
from winnow.curation.validation import apply_confirmations, assign_splits, select_validation
from winnow.data.archive import open_archive
from winnow.data.decode import decode_pixels
from winnow.errors import WinnowError
from winnow.submission.names import parse_name

NAMES = ["cat", "guinea pig"]


def photo(width=120, height=90, seed=0, kind="JPEG", **options):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(buffer, kind, **options)
    return buffer.getvalue()


def read(path, size=32):
    with open_archive(path, max_unpacked_bytes=1e9) as archive:
        return read_external(archive, class_names=NAMES, image_size=size)


def test_photos_are_read_from_class_folders_at_any_depth(tmp_path):
    files = {
        "mine/cat/a b.jpg": photo(seed=1),
        "mine/Guinea_Pig/c.png": photo(seed=2, kind="PNG"),
        "mine/notes.txt": b"x",
    }
    for path in (write_zip(tmp_path / "a.zip", files), write_folder(tmp_path / "b", files)):
        photos, _, rejected = read(path)
        assert photos["photo"].tolist() == ["mine/Guinea_Pig/c.png", "mine/cat/a b.jpg"]
        assert photos["label"].tolist() == [1, 0] and photos["width"].tolist() == [120, 120]
        assert len(rejected) == 0 and list(photos.columns) == list(COLUMNS)
    for image_id in photos["image_id"]:
        assert parse_name(f"{image_id}.jpg", {"img_1"}) == (image_id, "")  # the linter takes it for no copy
    assert photos["image_id"][1].startswith("img_outside-cat-a-b-")
    assert decode_pixels(photos["image_bytes"].to_list(), image_size=32).shape == (2, 32, 32, 3)


def test_a_folder_without_photos_says_what_to_name_instead(tmp_path):
    write_folder(tmp_path / "p", {"notes.txt": b"x"})
    with pytest.raises(WinnowError, match=r"p, which holds no photo; put photos there as <class>/<photo>, or set it"):
        read(tmp_path / "p")
    write_zip(tmp_path / "p/mine.zip", {"cat/a.jpg": photo()})
    with pytest.raises(WinnowError, match=r"point it at .*p/mine\.zip, or set it to data/none"):
        read(tmp_path / "p")


def test_photos_are_photos_by_their_content_or_rejected_by_name(tmp_path):
    whole = photo(seed=9)
    files = {
        "cat/web.jfif": photo(seed=1),
        "cat/saved.jpg_large": photo(seed=2),
        "cat/bare": photo(seed=3),
        "cat/scan.tiff": photo(seed=4, kind="TIFF"),
        "cat/new.avif": photo(seed=5, kind="AVIF"),
        "cat/phone.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "cat/clip.mov": b"\0\0\0\x14ftypqt  ",
        "cat/cut.jpg": whole[: len(whole) // 2] + b"\xff\xd9",
        "cat/.hidden.jpg": photo(seed=6),
        "cat/list.csv": b"x",
    }
    photos, _, rejected = read(write_zip(tmp_path / "a.zip", files))
    assert sorted(photos["photo"]) == [
        "cat/bare",
        "cat/new.avif",
        "cat/saved.jpg_large",
        "cat/scan.tiff",
        "cat/web.jfif",
    ]
    reasons = rejected.set_index("photo")["detail"].to_dict()
    assert set(reasons) == {"cat/phone.HEIC", "cat/clip.mov", "cat/cut.jpg"}
    assert "a HEIC photo" in reasons["cat/phone.HEIC"] and "a video" in reasons["cat/clip.mov"]


def test_the_middle_is_cut_out_upright(tmp_path):
    wide = np.zeros((60, 180, 3), np.uint8)
    wide[:, 60:120] = (250, 10, 10)
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(wide).save(buffer, "JPEG", quality=95, exif=exif)
    photos, *_ = read(write_folder(tmp_path / "p", {"cat/wide.jpg": buffer.getvalue()}))
    pixels = decode_pixels(photos["image_bytes"].to_list(), image_size=32)[0]
    assert (np.abs(pixels[2:-2, 2:-2].astype(int) - (250, 10, 10)) < 12).all()


def test_a_photo_of_sixteen_bits_is_seen_as_the_dataset_would_be(tmp_path):
    ramp = np.linspace(0, 65_535, 64).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(np.tile(ramp, (64, 1))).save(buffer, "PNG")
    photos, whole, _ = read(write_folder(tmp_path / "p", {"cat/deep.png": buffer.getvalue()}))
    square = decode_pixels(photos["image_bytes"].to_list(), image_size=32)[0]
    assert 120 < square.mean() < 135 and np.abs(square.astype(int) - whole[0]).max() <= 2


def test_what_is_rejected_says_why(tmp_path):
    same = photo(seed=3)
    files = {
        "dog/a.jpg": photo(seed=1),
        "cat/broken.jpg": photo(seed=2)[:200],
        "cat/small.jpg": photo(20, 20, seed=4),
        "cat/twice.jpg": same,
        "cat/twice-again.jpg": same,
        "cat/both.jpg": photo(seed=5),
        "guinea pig/both.jpg": photo(seed=5),
    }
    photos, _, rejected = read(write_folder(tmp_path / "p", files))
    assert photos["photo"].tolist() == ["cat/twice-again.jpg"]
    reasons = dict(zip(rejected["photo"], rejected["reason"], strict=True))
    assert reasons.pop("cat/broken.jpg") in ("truncated", "does-not-decode")
    assert reasons == {
        "dog/a.jpg": "unknown-class",
        "cat/small.jpg": "too-small",
        "cat/twice.jpg": "repeated",
        "cat/both.jpg": "two-classes",
        "guinea pig/both.jpg": "two-classes",
    }


def test_photos_are_compared_with_class_dataset_and_one_another(tmp_path):
    files = {f"cat/{i}.jpg": photo(90, 90, seed=i, quality=95) for i in range(4)}
    files["guinea pig/copy.jpg"] = photo(90, 90, seed=0, quality=60)
    photos, whole, _ = read(write_folder(tmp_path / "p", files))
    pixels = decode_pixels(photos["image_bytes"].to_list(), image_size=32)
    rng = np.random.default_rng(9)
    others = rng.integers(0, 256, (9, 32, 32, 3), np.uint8)
    dataset = np.concatenate([pixels[1:2], others])
    ids = np.array([f"img_{i}" for i in range(10)])
    pred_probs = np.tile(np.float32([0.9, 0.1]), (5, 1))
    checked = check_external(photos, pixels, whole, pred_probs=pred_probs, image_id=ids, dataset=dataset)
    assert list(checked.columns) == [*COLUMNS, *CHECKS]
    assert checked["encoder_agrees"].tolist() == (checked["label"] == 0).tolist()
    assert np.flatnonzero(checked["counterparts"] == "img_0").tolist() == [1]
    both = checked["photo"].isin(["cat/0.jpg", "guinea pig/copy.jpg"])
    assert (checked["same_as"] != "").sum() == 1 and checked["same_as"][both].ne("").any()
    assert (no_photos().dtypes == checked.dtypes).all()


def test_a_photo_is_found_whether_the_dataset_cropped_it_or_not(tmp_path):
    photos, whole, _ = read(write_folder(tmp_path / "p", {"cat/wide.jpg": photo(180, 90, seed=1, quality=95)}))
    pixels = decode_pixels(photos["image_bytes"].to_list(), image_size=32)
    others = np.random.default_rng(9).integers(0, 256, (8, 32, 32, 3), np.uint8)
    dataset, ids = np.concatenate([others, whole, pixels]), np.array([f"img_{i}" for i in range(10)])
    probs = np.float32([[1, 0]])
    checked = check_external(photos, pixels, whole, pred_probs=probs, image_id=ids, dataset=dataset)
    assert sorted(checked["counterparts"][0].split(",")) == ["img_8", "img_9"]


# --- confirmations ---


def answers(*rows):
    return pd.DataFrame(rows, columns=["image_id", "label", "verdict", "reviewer", "reason"])


def chosen(frame, given, **options):
    frame, confirmed, rejected, contradicted = apply_confirmations(frame, given, class_names=NAMES)
    settings = {"num_classes": 2, "per_class": 5, "max_total": 1000, "min_label_quality": 0.6, "max_ood_score": 1.5}
    features = np.random.default_rng(0).normal(size=(len(frame), 8)).astype(np.float32)
    rows = select_validation(frame, features, seed=0, confirmed=confirmed, rejected=rejected, **(settings | options))
    return assign_splits(frame, rows, {}, class_names=NAMES).set_index("image_id"), contradicted


def test_confirmed_is_in_rejected_is_out_and_the_rest_is_filled_up():
    before, _ = chosen(kept_images(), answers())
    first = before.index[before["split"] == "validation"][0]
    kept_out = before.index[(before["split"] != "validation") & (before["label"] == 0)][0]
    given = answers((first, 0, "reject", "ada", ""), (kept_out, 0, "confirm", "ada", ""))
    after, _ = chosen(kept_images(), given)
    assert after.loc[first, "split"] == "train" and after.loc[kept_out, "split"] == "validation"
    assert after.loc[kept_out, ["confirmed_by", "decided_by"]].tolist() == ["ada", "rule"]
    assert after.loc[kept_out, "reason"].startswith("confirmed by ada for the validation set as cat")
    assert (after["split"] == "validation").sum() == 10  # as many as before


def test_a_confirmation_beats_a_rule_and_moves_copies_out():
    frame = kept_images()
    frame.loc[3, ["action", "final_label", "rule"]] = ["drop", -1, "near_duplicate"]
    frame.loc[[3, 4], "duplicate_group"] = 50
    frame.loc[25, ["action", "final_label", "rule"]] = ["drop", -1, "label_issue"]
    ledger, _ = chosen(frame, answers(("img_003", 0, "confirm", "ada", ""), ("img_025", 0, "confirm", "ada", "a cat")))
    assert ledger.loc["img_003", ["split", "action", "rule", "decided_by"]].tolist() == [
        "validation",
        "keep",
        "review",
        "ada",
    ]
    assert ledger.loc["img_025", ["action", "final_label"]].tolist() == ["relabel", 0]
    assert ledger.loc["img_025", "reason"].endswith("cat by the eye of a person: a cat")
    assert ledger.loc["img_004", ["split", "rule", "counterpart"]].tolist() == ["none", "validation_leak", "img_003"]


def test_decisions_csv_stands_against_a_confirmation():
    frame = kept_images()
    frame.loc[3, ["action", "final_label", "rule", "decided_by"]] = ["drop", -1, "review", "grace"]
    ledger, contradicted = chosen(frame, answers(("img_003", 0, "confirm", "ada", "")))
    assert contradicted == ["img_003"] and ledger.loc["img_003", ["split", "confirmed_by"]].tolist() == ["none", ""]


def test_the_limit_of_the_set_holds():
    given = answers(*((f"img_{i:03d}", 0, "confirm", "ada", "") for i in range(12)))
    ledger, _ = chosen(kept_images(100), given, max_total=14, per_class=7)
    counts = ledger.loc[ledger["split"] == "validation", "final_label"].value_counts()
    assert counts[0] == 12 and counts[1] == 2
    with pytest.raises(WinnowError, match=r"confirms 12 images and validation.max_total allows 10"):
        chosen(kept_images(100), given, max_total=10)
    # Three photos of class 1 count towards its five.
    ledger, _ = chosen(kept_images(100), given, max_total=20, external=np.array([0, 3]))
    counts = ledger.loc[ledger["split"] == "validation", "final_label"].value_counts()
    assert counts[0] == 12 and counts[1] == 2


def test_photos_of_a_leak_name_themselves():
    frame, *_ = apply_confirmations(kept_images(), answers(), class_names=NAMES)
    ledger = assign_splits(frame, np.array([0]), {}, class_names=NAMES, external_leaks={7: "img_outside-cat-1"})
    assert ledger.loc[7, ["action", "rule", "counterpart"]].tolist() == ["drop", "validation_leak", "img_outside-cat-1"]
    assert ledger["leaks_validation"].sum() == 1


def test_copies_of_a_leak_leave_training_with_it():
    """The search names one image; the others of its duplicate group are the same picture."""
    frame, *_ = apply_confirmations(kept_images(), answers(), class_names=NAMES)
    frame.loc[[7, 8, 9], "duplicate_group"] = frame.loc[7, "duplicate_group"]
    ledger = assign_splits(frame, np.array([0]), {}, class_names=NAMES, external_leaks={7: "img_outside-cat-1"})
    assert np.flatnonzero(ledger["leaks_validation"]).tolist() == [7, 8, 9]
    assert (ledger.loc[[7, 8, 9], "counterpart"] == "img_outside-cat-1").all()
