"""The self-check: what is planted is known exactly, the originals stay as they are, and the report counts rightly."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from curation_data import THRESHOLDS
from winnow.curation.rules import RULES
from winnow.errors import WinnowError
from winnow.params.configs import compose
from winnow.selfcheck.pictures import COPIES, FOREIGN
from winnow.selfcheck.plant import clean_images, plant_faults
from winnow.selfcheck.report import flip_outcomes, report, summary
from winnow.selfcheck.rerun import rerun_detectors

NAMES = ["cat", "lynx", "wolf"]
SIZE = 32


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    """120 smooth pictures, 40 per class, of which the last 10 of each class are not clean."""
    rng = np.random.default_rng(0)
    field = ndimage.gaussian_filter(rng.normal(size=(120, SIZE, SIZE, 3)), (0, 3, 3, 0), mode="wrap")
    pixels = np.clip(128 + 45 * field / field.std(axis=(1, 2, 3), keepdims=True), 0, 255).astype(np.uint8)
    labels = np.repeat(np.arange(3), 40)
    # Cats are taken for wolves, lynxes for wolves, wolves for lynxes.
    pred_probs = np.array([[0.8, 0.05, 0.15], [0.1, 0.7, 0.2], [0.1, 0.3, 0.6]])[labels]
    return {
        "image_id": np.array([f"img_{i:03d}" for i in range(120)]),
        "labels": labels,
        "pixels": pixels,
        "pred_probs": pred_probs,
        "clean": np.arange(120) % 40 < 30,
    }


def plant(data, **changes):
    return plant_faults(**(data | {"label_flips": 0.2, "ood": 0.1, "duplicates": 0.05, "seed": 0} | changes))


def test_counts_are_exact(data):
    images = plant(data).images
    counts = images.groupby(["fault", "kind"]).size().drop("", level="fault").to_dict()
    assert counts == {
        ("label", "pairwise"): 9,
        ("label", "uniform"): 9,
        **{("ood", kind): 4 for kind in FOREIGN},
        **{("duplicate", kind): 2 for kind in COPIES},
    }
    flips = images[images["fault"] == "label"]
    assert flips.groupby(["true_label", "kind"]).size().tolist() == [3] * 6
    assert (flips["label"] != flips["true_label"]).all()
    assert len(images) == 120 + 12 + 6 and images["image_id"].is_unique


def test_originals_stay_as_they_are_but_for_the_flips(data):
    before = {name: array.copy() for name, array in data.items()}
    planted = plant(data)
    for name, array in data.items():
        np.testing.assert_array_equal(array, before[name])
    originals = planted.images.iloc[:120]
    assert originals["image_id"].tolist() == data["image_id"].tolist()
    assert (originals["true_label"] == data["labels"]).all()
    assert (originals["label"] == data["labels"])[originals["fault"] == ""].all()
    assert (originals["judged"] == data["clean"]).all()
    assert data["clean"][originals["fault"] == "label"].all()


def test_pairwise_flips_go_to_the_class_that_is_most_alike(data):
    flips = plant(data).images.query("kind == 'pairwise'")
    assert flips.groupby("true_label")["label"].unique().map(list).to_dict() == {0: [2], 1: [2], 2: [1]}


def test_copies_have_sources_of_their_own_and_share_their_labels(data):
    planted = plant(data)
    copies = planted.images.query("fault == 'duplicate'")
    source = planted.images.set_index("image_id").loc[copies["source"]]
    assert source.index.is_unique and (source["fault"] == "").all() and source["judged"].all()
    assert (source["label"].to_numpy() == copies["label"].to_numpy()).all()
    pictures = planted.new_pixels[copies.index - 120].astype(float)
    originals = data["pixels"][np.searchsorted(data["image_id"], copies["source"])].astype(float)
    difference = pd.Series(np.abs(pictures - originals).mean(axis=(1, 2, 3)), index=copies["kind"])
    assert (difference["exact"] == 0).all()
    assert (difference[["recompressed", "shifted"]] > 0.1).all()


def test_the_seed_decides_every_byte(data):
    first, again, other = plant(data), plant(data), plant(data, seed=1)
    pd.testing.assert_frame_equal(first.images, again.images)
    np.testing.assert_array_equal(first.new_pixels, again.new_pixels)
    assert not first.images["label"].equals(other.images["label"])
    assert not np.array_equal(first.new_pixels, other.new_pixels)


@pytest.mark.parametrize("name", [*FOREIGN, *COPIES])
@pytest.mark.parametrize("size", [8, 30, 64, 224])
def test_pictures_have_the_size_of_the_image(name, size):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    picture = (FOREIGN | COPIES)[name](image, rng)
    assert picture.shape == image.shape and picture.dtype == np.uint8
    assert np.array_equal(picture, image) == (name == "exact")


def test_a_shift_moves_the_picture_and_mirrors_nothing():
    image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    moved = COPIES["shifted"](image, np.random.default_rng(0))
    windows = [image[1 + dy : 15 + dy, 1 + dx : 15 + dx] for dy in (-1, 1) for dx in (-1, 1)]
    assert sum(np.array_equal(moved[1:15, 1:15], window) for window in windows) == 1


def test_nothing_planted_where_nothing_is_asked_for(data):
    planted = plant(data, label_flips=0.0, ood=0.0, duplicates=0.0)
    assert len(planted.images) == 120 and len(planted.new_pixels) == 0
    assert (planted.images["fault"] == "").all()


def test_a_dataset_without_clean_images_is_refused(data):
    with pytest.raises(WinnowError, match="no detector flags, and there are none; loosen"):
        plant(data, clean=np.zeros(120, dtype=bool))


def test_only_images_that_no_detector_flags_are_clean():
    fine = {
        "rule": "keep",
        **{rule.flag: False for rule in RULES if rule.flag},
        "duplicate_kind": "",
        "suggested_label": 1,
        "label": 1,
    }
    suspicions = [
        {"rule": "class_floor"},
        {"rule": "review"},
        {"flagged_label_issue": True},
        {"flagged_ood": True},
        {"flagged_duplicate": True},
        {"duplicate_kind": "near"},
        {"suggested_label": 0},
    ]
    frame = pd.DataFrame([fine, *[fine | change for change in suspicions]])
    assert clean_images(frame).tolist() == [True] + [False] * 7


def verdicts(images: pd.DataFrame, *, perfect: bool) -> pd.DataFrame:
    """Decisions of detectors that know everything, or find nothing."""
    fault = images["fault"]
    alone = pd.Series(np.arange(len(images)), index=images.index)
    rows = pd.Series(alone.to_numpy(), index=images["image_id"])
    source = images["source"].where(fault == "duplicate", images["image_id"])
    return pd.DataFrame(
        {
            "flagged_label_issue": (fault == "label") & perfect,
            "flagged_ood": (fault == "ood") & perfect,
            "label_quality_score": np.where((fault == "label") & perfect, 0.1, 0.9),
            "ood_score": np.where((fault == "ood") & perfect, 0.9, 0.0),
            "duplicate_group": rows[source].to_numpy() if perfect else alone,
            "action": np.where((fault == "label") & perfect, "relabel", "keep"),
            "final_label": images["true_label"] if perfect else images["label"],
        }
    )


def test_a_perfect_detector_gets_1_everywhere(data):
    images = plant(data).images
    table = report(verdicts(images, perfect=True), images, class_names=NAMES)
    planted = table[table["planted"] > 0]
    assert set(planted["fault"]) == {"label", "ood", "duplicate"} and len(planted) > 15
    assert (planted["recall"] == 1).all() and (planted["found"] == planted["planted"]).all()
    assert (planted["precision"].dropna() == 1).all() and planted["precision"].notna().sum() >= 3
    assert (planted["auroc"].dropna() == 1).all() and planted["auroc"].notna().sum() > 8
    assert (table["false_alarms"].dropna() == 0).all()
    assert flip_outcomes(verdicts(images, perfect=True), images) == {
        "relabelled_rightly": 18,
        "relabelled_wrongly": 0,
        "dropped": 0,
        "kept_with_the_wrong_label": 0,
    }


def test_detectors_that_find_nothing_get_recall_0(data):
    images = plant(data).images
    table = report(verdicts(images, perfect=False), images, class_names=NAMES)
    planted = table[table["planted"] > 0]
    assert (planted["recall"] == 0).all() and (planted["found"] == 0).all()
    assert planted["precision"].isna().all()
    assert (planted["auroc"].dropna() == 0.5).all()
    assert flip_outcomes(verdicts(images, perfect=False), images)["kept_with_the_wrong_label"] == 18


def test_false_alarms_count_where_they_belong(data):
    images = plant(data).images
    decisions = verdicts(images, perfect=True)
    untouched = images.index[(images["fault"] == "") & images["judged"] & (images["label"] == 1)][:3]
    decisions.loc[untouched, ["flagged_label_issue", "flagged_ood"]] = True
    decisions.loc[untouched, "duplicate_group"] = 10_000  # three images make three pairs
    unknown = images.index[~images["judged"]]
    assert len(unknown) == 30
    decisions.loc[unknown, ["flagged_label_issue", "flagged_ood"]] = True
    decisions.loc[unknown, "duplicate_group"] = 20_000
    table = report(decisions, images, class_names=NAMES).set_index(["fault", "kind", "class_name"])
    copied = images["source"].isin(images.loc[untouched, "image_id"]).sum()
    assert table.loc[("label", "all", "all"), ["found", "false_alarms"]].tolist() == [18, 3]
    assert table.loc[("label", "all", "all"), "precision"] == pytest.approx(18 / 21)
    assert table.loc[("label", "all", "lynx"), ["found", "false_alarms"]].tolist() == [6, 3]
    assert table.loc[("label", "all", "cat"), "false_alarms"] == 0
    assert table.loc[("ood", "all", "all"), ["found", "false_alarms"]].tolist() == [12, 3]
    assert table.loc[("duplicate", "all", "all"), ["found", "false_alarms"]].tolist() == [6 - copied, 3]
    assert table.loc[("duplicate", "all", "wolf"), "false_alarms"] == 0


def test_the_summary_leaves_out_what_has_no_value(data):
    images = plant(data, ood=0.0).images
    figures = summary(report(verdicts(images, perfect=True), images, class_names=NAMES))
    assert figures["label"]["recall"] == 1.0 and figures["label"]["uniform"]["planted"] == 9
    assert figures["ood"] == {"judged": 90, "planted": 0, "found": 0, "false_alarms": 0}
    assert "precision" not in figures["label"]["uniform"]


def test_the_detectors_themselves_find_plain_faults(data):
    """Classes far apart in feature space, planted foreign pictures farther still."""
    planted = plant(data)
    images, rng = planted.images, np.random.default_rng(1)
    centre = np.eye(4)[np.where(images["fault"] == "ood", 3, images["true_label"])]
    features = centre + rng.normal(0, 0.05, centre.shape)
    features[images["fault"] == "ood"] = rng.normal(size=(12, 4))
    source = images.set_index("image_id").index.get_indexer(images["source"])
    features[source >= 0] = features[source[source >= 0]]
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    decisions = rerun_detectors(
        images["image_id"].to_numpy(),
        images["label"].to_numpy(),
        np.concatenate([data["pixels"], planted.new_pixels]),
        features,
        None,
        None,
        picture_features=features,
        outlier_features=features,
        class_names=NAMES,
        duplicates={"max_hash_distance": 14, "min_similarity": 0.9},
        crossval={"folds": 3, "l2_candidates": [0.1], "seeds": [0, 1]},
        label_issues={"neighbours": 10},
        ood={"neighbours": 15, "trim": 0.2},
        thresholds=THRESHOLDS,
    )
    assert decisions["image_id"].tolist() == images["image_id"].tolist()
    figures = summary(report(decisions, images, class_names=NAMES))
    assert figures["label"]["recall"] > 0.9 and figures["label"]["precision"] > 0.8
    assert figures["ood"]["auroc"] > 0.85  # in four dimensions some foreign pictures fall among the classes
    assert figures["duplicate"]["exact"]["recall"] == 1
    assert figures["duplicate"]["recall"] > 0.8 and figures["duplicate"]["precision"] > 0.8


def test_a_check_that_is_off_writes_a_header_and_imports_no_detector(root, tmp_path):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(root / name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", root / "stages/self_check.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "self_check: off" in done.stdout
    assert json.loads((tmp_path / "metrics/self_check.json").read_text()) == {"enabled": False}
    assert (tmp_path / "metrics/self_check.csv").read_text().startswith("fault,kind,class_name,judged,planted,found,")
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "pandas" in loaded
    assert not loaded & {"torch", "sklearn", "faiss", "cleanlab", "PIL"}


def test_it_is_off_unless_asked_for(root):
    for file in sorted((root / "configs").glob("*.yaml")):
        assert compose(file)["self_check"]["enabled"] is False, file
