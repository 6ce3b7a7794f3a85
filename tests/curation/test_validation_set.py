"""The validation set as a whole: what leaks, what is packed, and what is counted."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curation_data import kept_images
from winnow.curation.external import no_photos
from winnow.curation.validation_set import confirmed_photos, known_leaks, make_validation_set
from winnow.data.images import read_image

NAMES = ["cat", "lynx"]
SETTINGS = {"per_class": 5, "max_total": 1000, "min_label_quality": 0.6, "max_ood_score": 0.1, "seed": 0}
RNG = np.random.default_rng(0)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def noise(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def answers(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image_id", "label", "verdict", "reviewer", "reason"]).astype({"label": int})


def external_photos(pixels: np.ndarray, *, label: int = 0, counterparts: str = "") -> pd.DataFrame:
    photos = pd.DataFrame(
        {
            "image_id": [f"img_outside-{i}" for i in range(len(pixels))],
            "label": label,
            "counterparts": counterparts,
            "image_bytes": [png(image) for image in pixels],
        }
    )
    return pd.concat([no_photos(), photos])[list(photos.columns)]


def made(pixels=None, external=None, given=None, frame=None, **changes):
    pixels = noise(40) if pixels is None else pixels
    features = RNG.normal(size=(40, 8)).astype(np.float32)
    return make_validation_set(
        kept_images() if frame is None else frame,
        features / np.linalg.norm(features, axis=1, keepdims=True),
        np.array([png(image) for image in pixels], dtype=object),
        no_photos() if external is None else external,
        answers() if given is None else given,
        class_names=NAMES,
        **(SETTINGS | changes),
    )


def test_the_sets_are_packed_apart_and_counted():
    frame = kept_images()
    frame.loc[7, ["label", "action", "final_label", "rule"]] = [1, "relabel", 0, "label_issue"]
    result = made(frame=frame)
    validation, baseline = result.sets["validation"].frame(), result.sets["baseline"].frame()
    ledger = result.ledger.set_index("image_id")
    assert len(validation) == 10 and len(baseline) == 30
    assert not set(validation["image_id"]) & set(baseline["image_id"])
    assert (validation["label"].to_numpy() == ledger.loc[validation["image_id"], "final_label"]).all()
    assert (baseline["label"].to_numpy() == ledger.loc[baseline["image_id"], "label"]).all()  # as given
    assert baseline.set_index("name").loc["img_007", "label"] == 1
    assert result.metrics == {
        "images": 10,
        "seen_by_people": 0,
        "near_duplicates_removed_from_training": 0,
        "per_class": {"cat": 5, "lynx": 5},
    }
    assert result.summary == "10 validation images, 5 to 5 per class" and result.warnings == []


def test_images_at_their_own_size_are_packed_at_that_of_training_and_leaks_are_found_among_them():
    sizes = np.random.default_rng(1).integers(40, 120, (40, 2))
    pixels = [
        np.asarray(Image.fromarray(image[:6, :8]).resize(size, 3)) for image, size in zip(noise(40), sizes, strict=True)
    ]
    pixels[1] = pixels[0]
    given = answers(("img_000", 0, "confirm", "ada", ""))
    result = made(pixels, given=given, resized_to=24)
    assert result.ledger.set_index("image_id").loc["img_001", "rule"] == "validation_leak"
    for name, count in (("validation", 10), ("baseline", 29)):
        packed = result.sets[name].frame()
        assert len(packed) == count
        for image_id, content in zip(packed["image_id"], packed["image_bytes"], strict=True):
            assert content == read_image(png(pixels[int(image_id[4:])]), image_size=24).image_bytes


def test_an_image_that_looks_like_a_validation_image_leaves_training_and_the_baseline():
    pixels = noise(40)
    given = answers(("img_000", 0, "confirm", "ada", ""))
    pixels[1] = pixels[0]
    result = made(pixels, given=given)
    leak = result.ledger.set_index("image_id").loc["img_001"]
    assert leak[["split", "rule", "counterpart"]].tolist() == ["none", "validation_leak", "img_000"]
    assert "img_001" not in set(result.sets["baseline"].rows["image_id"])
    assert result.metrics["near_duplicates_removed_from_training"] == 1
    assert result.metrics["seen_by_people"] == 1 and ", 1 of them seen by people, " in result.summary


def test_confirmed_external_photos_join_the_set_and_their_counterparts_leave_training():
    pixels, photos, frame = noise(40), noise(2), kept_images()
    pixels[3] = photos[0]
    frame.loc[[3, 30], "signals_agree"] = False
    external = external_photos(photos, counterparts="img_030,img_gone")
    result = made(pixels, external, answers(("img_outside-0", 1, "confirm", "ada", "")), frame)
    validation = result.sets["validation"].frame()
    assert validation["name"].tolist() == sorted(validation["name"]) and len(validation) == 10
    assert validation.set_index("name").loc["img_outside-0", ["label", "image_bytes"]].tolist() == [1, png(photos[0])]
    ledger = result.ledger.set_index("image_id")
    assert ledger.loc[["img_003", "img_030"], "counterpart"].tolist() == ["img_outside-0"] * 2
    assert result.metrics["from_outside"] == result.metrics["seen_by_people"] == 1
    assert result.metrics["per_class"] == {"cat": 5, "lynx": 5}  # the photo is one of the five


def test_a_verdict_that_decisions_csv_contradicts_is_told():
    frame = kept_images()
    frame.loc[3, ["action", "final_label", "rule", "decided_by"]] = ["drop", -1, "review", "grace"]
    result = made(frame=frame, given=answers(("img_003", 0, "confirm", "ada", "")))
    assert result.warnings == [
        "1 images are confirmed in validation.csv but decided otherwise in decisions.csv, which stands; the first is "
        "img_003."
    ]


def test_photos_take_the_label_that_people_confirmed():
    external = external_photos(noise(3))
    given = answers(("img_outside-2", 1, "confirm", "ada", ""), ("img_outside-0", 0, "reject", "ada", ""))
    assert confirmed_photos(external, given)[["image_id", "label"]].to_numpy().tolist() == [["img_outside-2", 1]]
    assert confirmed_photos(external, answers()).empty


@pytest.mark.parametrize(("counterparts", "rows"), [("", {}), ("b,gone", {1: "img_outside-0"}), ("c,a", {0: 1, 2: 1})])
def test_counterparts_are_leaks_as_far_as_the_images_are_there(counterparts, rows):
    found = known_leaks(external_photos(noise(1), counterparts=counterparts), np.array(["a", "b", "c"]))
    assert found == dict.fromkeys(rows, "img_outside-0")
