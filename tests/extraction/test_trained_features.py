"""Features by networks that learn from the dataset's labels: none has seen what it describes, nor its changed copy."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from winnow.data.archive import open_archive
from winnow.data.layouts.registry import read_dataset
from winnow.encoders.fitted.networks import SmallNetworks
from winnow.encoders.fitted.out_of_fold import fit_out_of_fold
from winnow.encoders.normalise import l2_normalised
from winnow.errors import WinnowError
from winnow.extraction.trained import DEFAULTS, learned_labels, trained_features, trained_settings
from winnow.filtering import describe as module
from winnow.filtering.describe import describe, description
from winnow.filtering.items import item_tables
from winnow.filtering.sample import make_sample

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = {
    "model": "encoder:trained",
    "weights": None,
    "arguments": ["folds=2", "epochs=4", "width=4"],
    "layer": "auto",
    "pool": "mean",
    "input_size": 16,
    "batch_size": 64,
    "trust": False,
    "changed_images": 20,
    "seed": 0,
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.zip"
    path.write_bytes(make_sample(seed=0, images=200, copied=0.3, odd=0, leaked=5)[0])
    with open_archive(path, max_unpacked_bytes=1e9) as archive:
        items, _, _ = item_tables(archive, read_dataset(archive), splits=[])
        yield archive, items


def described(digits, folder, *, items=None):
    layer, changed = describe(
        digits[0], digits[1] if items is None else items, folder / "f.npy", **OPTIONS, scratch=folder / "scratch"
    )
    return layer, np.load(folder / "f.npy").astype(np.float32), changed


def test_images_are_described_by_what_the_labels_teach_and_changed_ones_are_near_themselves(digits, tmp_path):
    layer, features, changed = described(digits, tmp_path)
    items = digits[1]
    assert description(len(items), OPTIONS["model"], layer) == f"{len(items):,} images, 16 features of encoder:trained"
    assert features.shape == (len(items), 16) and layer["features"] == 16 and layer["folds"] == 2
    assert changed["features"].shape == (20, 16)
    place = items["image_id"].searchsorted(changed["image_id"])
    centred, moved = (l2_normalised(found - features.mean(axis=0)) for found in (features, changed["features"]))
    itself = (centred[place] * moved).sum(axis=1)
    others = moved @ centred.T
    assert np.mean(itself[:, None] >= others) > 0.7  # of networks that have hardly learned; 0.5 by chance
    assert items["is_filtered"].to_numpy()[place].all()


def test_the_layer_is_told_where_there_is_one():
    told = description(1200, "timm:resnet18", {"layer": "fc", "features": 512})
    assert told == "1,200 images, 512 features of timm:resnet18, fc"


def test_labels_of_splits_that_are_not_filtered_teach_nothing(digits, tmp_path):
    _, features, _ = described(digits, tmp_path / "a")
    items = digits[1].copy()
    items.loc[~items["is_filtered"], "label"] = "wrong"
    _, again, _ = described(digits, tmp_path / "b", items=items)
    np.testing.assert_array_equal(features, again)


def test_a_killed_run_goes_on_from_the_trained_networks_with_the_same_bytes(digits, tmp_path, monkeypatch):
    _, whole, changed = described(digits, tmp_path / "whole")
    calls = []

    def killed(*arguments):
        calls.append(1)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_save", killed)
        with pytest.raises(KeyboardInterrupt):
            described(digits, tmp_path / "killed")
    networks = sorted((tmp_path / "killed/scratch").rglob("network-*.pt"))
    assert len(calls) == 1 and len(networks) == 2
    _, again, changed_again = described(digits, tmp_path / "killed")
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_array_equal(changed["features"], changed_again["features"])


def test_a_known_copy_shares_the_fold_of_its_image_however_different_it_looks():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)
    labels, copy_of = np.arange(60) % 2, np.r_[np.arange(40), np.arange(20)]
    settings = trained_settings({"folds": 3, "epochs": 1, "width": 2}, input_size=12)
    learner = SmallNetworks(settings, 2, torch.device("cpu"))
    learned = np.arange(60) < 40
    fold = fit_out_of_fold(pixels, labels, learner, learned=learned, copy_of=copy_of).fold
    np.testing.assert_array_equal(fold[40:], fold[:20])
    alone = fit_out_of_fold(pixels, labels, learner, learned=learned).fold
    assert (alone[40:] != alone[:20]).any()


def few_labelled(labelled, folder, *, seed):
    """Features of 40 images of noise of which the first few have a label, by classes "a" and "b" in turn."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    names = np.where(np.arange(40) < labelled, np.array(["a", "b"])[np.arange(40) % 2], "")
    labels = learned_labels(names, np.ones(40, dtype=bool))
    settings = trained_settings({"folds": 2, "epochs": 1, "width": 2, "seed": seed}, input_size=12)
    return trained_features(pixels, labels, np.arange(40), settings, scratch=folder / str(seed))[0]


def test_a_few_labelled_images_are_shared_out_over_the_folds_so_that_each_network_learns_from_every_class(tmp_path):
    for seed in range(8):
        features = few_labelled(4, tmp_path, seed=seed)
        assert features.shape == (40, 8) and np.isfinite(features).all()


@pytest.mark.parametrize("seed", [0, 5, 6, 7])
def test_too_few_labelled_images_to_learn_two_classes_from_are_told(seed, tmp_path):
    with pytest.raises(WinnowError, match="outside of one of them labels are not of two classes; label more images"):
        few_labelled(2, tmp_path, seed=seed)


@pytest.mark.parametrize("seed", range(4))
def test_images_without_a_label_are_spread_over_the_folds_by_themselves(seed):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)
    labels = np.where(np.arange(60) < 12, np.arange(60) % 2, -1)
    settings = trained_settings({"folds": 3, "epochs": 1, "width": 2, "seed": seed}, input_size=12)
    learner = SmallNetworks(settings, 2, torch.device("cpu"))
    fold = fit_out_of_fold(pixels, labels, learner, learned=labels >= 0).fold
    for label, count in ((-1, 16), (0, 2), (1, 2)):
        assert np.bincount(fold[labels == label]).tolist() == [count] * 3


def test_defaults_are_those_of_the_main_pipeline():
    section = yaml.safe_load((ROOT / "configs/base.yaml").read_text(encoding="utf-8"))["embed"]["trained"]
    assert {key: value for key, value in section.items() if key != "weight_candidates"} == DEFAULTS


def test_the_size_of_the_pictures_is_the_keys_own_or_the_arguments():
    assert trained_settings({}, input_size=None).input_size == 32
    assert trained_settings({"input_size": 24}, input_size=None).input_size == 24
    assert trained_settings({"input_size": 24}, input_size=48).input_size == 48


def test_one_key_of_a_mapping_leaves_its_others_as_they_are():
    found = trained_settings({"contrastive": {"noise": 0}}, input_size=None).contrastive
    assert found == {**DEFAULTS["contrastive"], "noise": 0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"folds": 1}, "encoder:trained: folds is 1: input should be greater than or equal to 2"),
        ({"fold": 4}, "fold is no parameter"),
        ({"input_size": 8}, "sees images of 8 pixels; set input_size to 12 or more"),
    ],
)
def test_wrong_arguments_are_told(arguments, words):
    with pytest.raises(WinnowError, match=words):
        trained_settings(arguments, input_size=None)


def test_only_labelled_images_that_may_be_learned_from_are():
    labels = np.array(["b", "", "a", "c", "b"])
    found = learned_labels(labels, np.array([True, True, True, False, True]))
    assert found.tolist() == [1, -1, 0, -1, 1]


@pytest.mark.parametrize(
    ("labels", "words"),
    [(["", "", "a"], r"no image has a label in the splits"), (["a", "a", "b"], "2 labelled images are of one class")],
)
def test_labels_of_too_few_classes_are_told(labels, words):
    with pytest.raises(WinnowError, match=rf"{words}.*; name another network\.model"):
        learned_labels(np.array(labels), np.array([True, True, False]))
