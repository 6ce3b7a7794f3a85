"""Faster AutoAugment's search: it finds planted harm, and a kill changes nothing; and its stage."""

import io
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from policy_data import dark_levels, halves, photo
from winnow import tables
from winnow.augmentation.policy import search as search_module
from winnow.augmentation.policy.policy import Policy, read_policy
from winnow.augmentation.policy.search import RelaxedPolicy, SearchSettings, search_policy, search_steps
from winnow.errors import WinnowError
from winnow.params.configs import compose

SETTINGS = SearchSettings(
    images=256,
    sub_policies=2,
    length=1,
    epochs=8,
    batch_size=64,
    learning_rate=0.02,
    classification_weight=1.0,
    diversity=0.0,
    critic_width=8,
    operations=["flip"],
)
CPU = torch.device("cpu")


def search(pixels, labels, scratch=None, seed=0, report=lambda advance, note="": None, **changes) -> Policy:
    settings = replace(SETTINGS, **changes)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return search_policy(
            pixels, labels, num_classes=2, settings=settings, seed=seed, scratch=scratch, device=CPU, report=report
        )
    finally:
        torch.set_num_threads(threads)


def test_a_flip_that_changes_the_class_is_given_up_and_one_that_does_not_is_kept():
    """Either way the flipped images are the very same set; only the labels can tell."""
    harmful, harmless = (search(*halves(axis)) for axis in (1, 0))
    assert max(steps[0].probability for steps in harmful.sub_policies) < 0.25
    assert min(steps[0].probability for steps in harmless.sub_policies) > 0.3


def test_an_operation_that_shows_is_passed_over_for_one_that_does_not_unless_both_are_asked_for():
    """On images dark all over, an inverted one is told at sight; a mirrored one is not."""
    pixels = np.random.default_rng(1).integers(0, 60, (256, 16, 16, 3), dtype=np.uint8)
    pixels[::2, :, 3] += 40
    labels, changes = np.arange(256) % 2, {"operations": ["flip", "invert"], "sub_policies": 6}
    for diversity, expected in ((0.0, {"flip"}), (30.0, {"flip", "invert"})):
        policy = search(pixels, labels, classification_weight=0.1, diversity=diversity, **changes)
        assert {steps[0].operation for steps in policy.sub_policies} == expected


def test_concentration_is_the_negative_entropy_of_all_choices_together():
    policy = RelaxedPolicy(replace(SETTINGS, sub_policies=2, length=2, operations=["flip", "invert"]), seed=0)
    settled = torch.tensor([5.0, 0.0]), torch.tensor([0.0, 5.0])
    for steps, expected in (((0, 0, 0, 0), 0.0), ((0, 1, 1, 0), np.log(0.5)), ((0, 0, 1, 0), None)):
        with torch.no_grad():
            policy.weights.copy_(torch.stack([settled[step] for step in steps]).view(2, 2, 2))
        if expected is None:
            expected = 0.25 * np.log(0.25) + 0.75 * np.log(0.75)
        assert policy.concentration().item() == pytest.approx(expected, abs=1e-6)


def test_the_same_seed_finds_the_same_policy():
    pixels, labels = halves(1, 64)
    changes = {"epochs": 2, "operations": ["rotate", "cutout", "equalize"], "length": 2, "batch_size": 16, "images": 48}
    first, again, other = (search(pixels, labels, seed=seed, **changes) for seed in (3, 3, 4))
    assert first == again != other


def test_a_search_that_was_killed_ends_with_the_same_policy(tmp_path):
    pixels, labels = halves(1, 64)
    changes = {"epochs": 4, "operations": ["rotate", "flip"], "length": 2, "batch_size": 16}
    expected = search(pixels, labels, **changes)

    calls = []

    def killed(advance, note=""):
        calls.append(advance)
        if len(calls) == 10:  # in the third epoch of four batches
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(pixels, labels, tmp_path, report=killed, **changes)
    assert len(list(tmp_path.iterdir())) == 1
    advances = []
    resumed = search(pixels, labels, tmp_path, report=lambda advance, note="": advances.append(advance), **changes)
    assert resumed == expected
    assert advances == [8] + [1] * 8 and sum(advances) == search_steps(64, replace(SETTINGS, **changes))
    # Another search does not take it up.
    advances.clear()
    search(pixels, labels, tmp_path, seed=1, report=lambda advance, note="": advances.append(advance), **changes)
    assert advances == [1] * 16


def test_no_batch_repeats_the_chance_of_another(monkeypatch):
    drawn, draw = [], search_module._draw

    def recorded(*arguments):
        drawn.append(draw(*arguments))
        return drawn[-1]

    monkeypatch.setattr(search_module, "_draw", recorded)
    search(*halves(1, 64), epochs=3, batch_size=32, operations=["flip", "brightness"])
    assert len({luck.numpy().tobytes() for _, luck, _ in drawn}) == len(drawn) == 6


def test_only_the_drawn_sub_policy_learns():
    policy = RelaxedPolicy(replace(SETTINGS, sub_policies=3, operations=["brightness", "cutout"]), seed=0)
    luck = torch.full((2, 1, 2), 0.5)
    policy(torch.full((2, 3, 8, 8), 0.3), torch.tensor([1, 1]), luck, torch.full((2, 1, 2, 2), 0.6)).sum().backward()
    for parameter in policy.parameters():
        assert (parameter.grad[1] != 0).all() and (parameter.grad[[0, 2]] == 0).all()


def test_a_decided_policy_is_what_the_relaxed_one_comes_to():
    images = dark_levels()
    """With the choice and the luck settled, the mixture is the one operation."""
    policy = RelaxedPolicy(replace(SETTINGS, sub_policies=1, operations=["invert", "flip"]), seed=0)
    with torch.no_grad():
        policy.weights.copy_(torch.tensor([[[0.0, 5.0]]]))
    for luck, expected in ((0.999, images.flip(3)), (0.001, images)):
        shape = (4, 1, 2)
        result = policy(images, torch.zeros(4, dtype=torch.int64), torch.full(shape, luck), torch.zeros(*shape, 2))
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("pixels", "labels", "changes", "error", "words"),
    [
        (np.zeros((8, 16, 16, 3)), np.arange(8) % 2, {}, ValueError, "not uint8"),
        (photo()[None].repeat(8, 0), np.arange(7) % 2, {}, ValueError, "8 images but 7 labels"),
        (photo((4, 16))[None].repeat(8, 0), np.arange(8) % 2, {}, WinnowError, "16 x 4 pixels are too small"),
        (photo()[None].repeat(3, 0), np.arange(3) % 2, {}, WinnowError, "not 3 and 64"),
        (photo()[None].repeat(8, 0), np.arange(8) % 3, {}, WinnowError, "labels 0 to 2, but the 2 classes"),
        (photo()[None].repeat(8, 0), np.zeros(8, dtype=int), {}, WinnowError, "of a single class"),
        (photo()[None].repeat(8, 0), np.arange(8) % 2, {"operations": []}, WinnowError, "operations is empty"),
        (photo()[None].repeat(8, 0), np.arange(8) % 2, {"operations": ["spin"]}, WinnowError, "'spin', which is none"),
        (photo()[None].repeat(8, 0), np.arange(8) % 2, {"operations": ["flip"] * 2}, WinnowError, "twice"),
        (photo()[None].repeat(8, 0), np.arange(8) % 2, {"critic_width": 6}, WinnowError, "a multiple of 4"),
    ],
)
def test_nonsense_is_refused(pixels, labels, changes, error, words):
    with pytest.raises(error) as caught:
        search(pixels, labels, **changes)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_search_that_diverges_says_so(monkeypatch):
    monkeypatch.setattr(search_module, "_PENALTY", float("nan"))
    with pytest.raises(WinnowError, match=r"diverged in epoch 1; lower policy_search\.learning_rate"):
        search(*halves(1, 16))


# The stage


def run_stage(root, folder, *options: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(root / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *options, root / "stages/search_policy.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_a_search_that_is_off_writes_an_empty_policy_and_imports_no_torch(root, tmp_path):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    done = run_stage(root, tmp_path, "-X", "importtime")
    assert "search_policy: off" in done.stdout
    assert read_policy(tmp_path / "metrics/augmentation_policy.yaml") == Policy(())
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "yaml" in loaded and not loaded & {"torch", "kornia", "PIL"}


@pytest.mark.slow
def test_the_stage_searches_on_the_training_images_alone(root, tmp_path):
    """Images of other splits have the label -1 or bytes that decode to nothing: reading them would fail."""
    pixels, labels = halves(1, 40)
    split = np.array(["train"] * 32 + ["validation"] * 4 + ["none"] * 4)
    image_id = np.array([f"img_{i:02d}" for i in range(40)])
    encoded = [jpeg(image) if part == "train" else b"" for image, part in zip(pixels, split, strict=True)]
    ledger = pd.DataFrame({"image_id": image_id, "split": split, "final_label": np.where(split == "none", -1, labels)})
    tables.write_parquet(ledger, tmp_path / "data/processed/ledger.parquet")
    images = pd.DataFrame({"image_id": image_id[::-1], "image_bytes": encoded[::-1]})
    tables.write_parquet(images, tmp_path / "data/interim/images.parquet")
    tables.write_json(tmp_path / "data/interim/classes.json", ["left", "right"])
    (tmp_path / "dvc.yaml").write_bytes((root / "dvc.yaml").read_bytes())
    content = yaml.safe_load((root / "params.yaml").read_text())
    content["data"]["image_size"] = 16
    content["policy_search"] |= {"enabled": True, "epochs": 2, "batch_size": 16, "sub_policies": 3, "critic_width": 4}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    done = run_stage(root, tmp_path)
    assert "search_policy: 3 sub-policies of 2 operations in metrics/augmentation_policy.yaml" in done.stdout
    policy = read_policy(tmp_path / "metrics/augmentation_policy.yaml")
    assert [len(steps) for steps in policy.sub_policies] == [2, 2, 2]
    assert {step.operation for steps in policy.sub_policies for step in steps} <= set(
        content["policy_search"]["operations"]
    )
    assert not (tmp_path / ".winnow/scratch/search_policy").exists()


def test_it_is_off_unless_asked_for_and_never_mirrors_digits(root):
    for file in sorted((root / "configs").glob("*.yaml")):
        assert compose(file)["policy_search"]["enabled"] is False, file
    assert "flip" not in compose("base", start=root)["policy_search"]["operations"]
