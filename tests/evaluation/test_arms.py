"""Both arms on the validation set and on test sets by name, with and without what leaked."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from archives import write_zip
from pictures import SIZE, picture
from winnow.data.decode import decode_pixels
from winnow.data.pixels import DecodedPixels
from winnow.errors import WinnowError
from winnow.evaluation import arms
from winnow.evaluation.arms import evaluate_arms, leaked
from winnow.evaluation.held_out import HeldOut, find_test_sets, read_test_sets
from winnow.evaluation.why import OPTIONS

RNG = np.random.default_rng(0)
NAMES = ["cat", "dog"]
PLAIN = {"encoder": "plain", "batch_size": 8, "flip": False, "plain": {"weight_candidates": [1.0], "input_size": 16}}


def noise(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def held_out(prefix: str, pixels: np.ndarray, **more) -> HeldOut:
    ids = np.array([f"{prefix}{i}" for i in range(len(pixels))])
    return HeldOut(ids, np.arange(len(pixels)) % 2, pixels, **more)


@pytest.fixture
def found(monkeypatch, tmp_path):
    """Run with two networks per arm that predict dog everywhere, but for the submission's first, always right."""

    def predict_splits(networks, pixels, *, arm, num_classes, batch_size):
        assert list(networks) == [0, 1] and num_classes == 2 and batch_size == 7
        right = {split: np.arange(len(images)) % 2 for split, images in pixels.items()}
        return {
            split: np.eye(2)[np.stack([labels if arm == "submission" else np.ones_like(labels), np.ones_like(labels)])]
            for split, labels in right.items()
        }

    monkeypatch.setattr(arms, "predict_splits", predict_splits)
    folders = {arm: tmp_path / arm for arm in ("baseline", "submission")}
    for folder in folders.values():
        folder.mkdir()
        for seed in (0, 1):
            (folder / f"seed-{seed}.safetensors").touch()

    def run(test_sets, training=None, validation=None):
        return evaluate_arms(
            folders,
            held_out("v", noise(4)) if validation is None else validation,
            test_sets,
            training=held_out("n", noise(3) if training is None else training),
            training_name="data/raw/mine.zip",
            class_names=NAMES,
            batch_size=7,
            embed=PLAIN,
        )

    return run


def test_without_a_test_set_the_validation_set_judges(found):
    result = found({})
    assert result.headline == "balanced accuracy on the validation set: baseline 50.00%, submission 75.00%"
    assert list(result.metrics) == ["baseline", "submission", "improvement"]
    assert result.metrics["improvement"] == {"validation": 0.25}
    assert result.confusion["submission"].to_numpy().tolist() == [["cat", "cat"], ["dog", "dog"]] * 2
    assert result.confusion["baseline"]["predicted"].tolist() == ["dog"] * 4
    assert result.warnings == [] and result.summaries.startswith(
        "baseline, validation set\nFinal Balanced Accuracy: 50"
    )


def test_what_leaked_from_training_or_validation_is_left_out_under_a_name_of_its_own(found):
    training, chosen, test = noise(5), noise(4), noise(6)
    test[1], test[4] = training[2], chosen[0]
    rejected = pd.DataFrame(
        {"file_name": [""], "image_id": ["img_x"], "reason": ["no-image"], "detail": ["it is gone"]}
    )
    sets = {"test": held_out("t", test, source="data/raw/test.zip", rejected=rejected)}
    result = found(sets, training, held_out("v", chosen))
    assert list(result.metrics["baseline"]) == ["validation", "test", "test_unseen"]
    assert result.metrics["baseline"]["test_unseen"]["images"] == 4
    assert (result.metrics["test_rejected"], result.metrics["test_leaks"]) == (1, 2)
    assert list(result.metrics)[-2:] == ["test_rejected", "test_leaks"]
    table = result.predictions["submission"]
    assert table.loc[table["leaks"] == 1, "image_id"].tolist() == ["t1", "t4"]
    assert result.headline.startswith("balanced accuracy on the test set: ")
    assert len(result.confusion["baseline"]) == 6
    assert result.warnings == [
        "1 entries of data/raw/test.zip are not scored, the first is img_x (it is gone).",
        "2 of 6 test images are near duplicates of images in data/raw/mine.zip; test_unseen is the accuracy without "
        "them.",
    ]


def test_several_test_sets_are_judged_each_under_its_name(found):
    training = noise(2)
    field = noise(2)
    field[0] = training[1]
    result = found({"clean": held_out("c", noise(4)), "field": held_out("f", field)}, training)
    assert list(result.metrics["submission"]) == ["validation", "clean", "field", "field_unseen"]
    assert result.metrics["clean_leaks"] == 0 and result.metrics["field_leaks"] == 1
    assert set(result.predictions["baseline"]["split"]) == {"validation", "clean", "field"}
    assert "on the clean set" in result.headline


def test_every_two_test_sets_are_told_apart(found):
    """Also of two images. What leaked, by hash, is the first part; a set of leaks alone is left out."""
    training = noise(2)
    field = noise(2)
    field[0] = training[1]
    result = found(
        {
            "clean": held_out("c", noise(5)),
            "field": held_out("f", field),
            "one": held_out("o", noise(1)),
            "seen": held_out("s", training),
        },
        training,
    )
    pairs = result.metrics["pairs"]
    assert list(pairs) == ["clean_to_field", "clean_to_one", "field_to_one"]
    first = pairs["clean_to_field"]
    assert first["leaked"] == {"a": 0, "b": 1} and first["a"] == "clean"
    accuracy = first["accuracy"]
    assert first["drop"]["value"] == pytest.approx(accuracy["a"]["value"] - accuracy["b"]["value"])
    assert sum(part["value"] for part in first["parts"].values()) == pytest.approx(first["drop"]["value"])
    assert f"A is clean, B is field: {first['verdict']}" in result.words


def test_pairs_are_told_apart_as_pipelines_shift_does(root):
    params = yaml.safe_load((root / "pipelines/shift/params.yaml").read_text(encoding="utf-8"))["explain"]
    assert {**OPTIONS, "pictures": params["pictures"]} == params


def test_test_sets_in_a_folder_are_called_as_they_are(tmp_path):
    folder = tmp_path / "sets"
    folder.mkdir()
    for name in ("field.tar.gz", "lab.zip", "lab.zip.dvc", ".gitignore"):
        (folder / name).touch()
    assert find_test_sets("data/none", None, "data/none") == {"test": ("data/none", None)}
    found = find_test_sets("t.zip", "val", folder)
    assert found == {
        "test": ("t.zip", "val"),
        "field": (folder / "field.tar.gz", "val"),
        "lab": (folder / "lab.zip", "val"),
    }


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "is empty; put test sets there"),
        (("test.zip",), "cannot be called test, which means something else; rename it"),
        (("a_unseen",), "cannot be called a_unseen"),
        (("a.tar", "a.zip"), "are both the test set a; rename one"),
    ],
)
def test_a_folder_of_test_sets_that_cannot_be_named_is_refused(tmp_path, names, said):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(WinnowError, match=said):
        find_test_sets("data/none", None, tmp_path)


def test_a_folder_of_test_sets_is_a_folder(tmp_path):
    with pytest.raises(WinnowError, match="which is no folder"):
        find_test_sets("data/none", None, tmp_path / "nowhere")


def test_a_test_set_of_leaks_alone_proves_nothing(found):
    training = noise(2)
    result = found({"test": held_out("t", training)}, training)
    assert "test_unseen" not in result.metrics["baseline"]
    assert result.warnings[0].endswith("in data/raw/mine.zip; none is left: the figures prove nothing.")


def test_leaked_images_are_those_with_a_twin():
    seen, test = noise(4), noise(4)
    test[2] = seen[1]
    assert leaked(seen, {"test": held_out("t", test)})["test"].tolist() == [False, False, True, False]
    assert leaked(seen, {}) == {}


def test_test_sets_are_read_by_name_and_those_not_given_are_left_out(tmp_path):
    files = {f"{label}/{i}.jpg": picture(i) for i, label in enumerate(["dog", "cat", "dog", "owl"])} | {
        "cat/9.jpg": b""
    }
    archive = write_zip(tmp_path / "test", files)
    options = {"class_names": NAMES, "image_size": SIZE, "max_unpacked_bytes": 10**8}
    sets = {"clean": (archive, None), "field": (Path("data/none"), None)}
    for spool in (None, tmp_path / "spool"):
        found = read_test_sets(sets, spool=spool, **options)
        assert list(found) == ["clean"]
        clean = found["clean"]
        assert clean.image_id.tolist() == ["img_cat-1", "img_dog-0", "img_dog-2"] and clean.labels.tolist() == [0, 1, 1]
        assert np.array_equal(
            clean.pixels[:],
            decode_pixels([files["cat/1.jpg"], files["dog/0.jpg"], files["dog/2.jpg"]], image_size=SIZE),
        )
        assert set(clean.rejected["reason"]) == {"truncated", "unknown-class"} and clean.source == str(archive)
    assert list((tmp_path / "spool").iterdir()) == []  # the file has no name


def test_a_packed_set_is_a_held_out_set():
    packed = pd.DataFrame(
        {"name": ["a"], "image_id": ["a"], "technique": "", "label": [1], "image_bytes": [picture(3)]}
    )
    found = HeldOut.of_packed(packed)
    assert found.image_id.tolist() == ["a"] and found.labels.tolist() == [1]
    assert isinstance(found.pixels, DecodedPixels) and found.pixels.shape == (1, SIZE, SIZE, 3)
