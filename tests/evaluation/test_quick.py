"""A small network's figure tells right labels from wrong ones, and counts epochs by images."""

import numpy as np
import pytest
import torch

from winnow.evaluation import quick
from winnow.evaluation.held_out import HeldOut
from winnow.evaluation.quick import quick_check
from winnow.models.classifier import train_classifier

CPU = torch.device("cpu")


def striped(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of upright or level stripes with noise, and which they are."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    place = np.arange(32) // 4 % 2 * 120 + 40
    upright = np.broadcast_to(place, (32, 32))
    images = np.where(labels[:, None, None] == 0, upright, upright.T) + rng.normal(0, 40, (count, 32, 32))
    return np.repeat(images.clip(0, 255).astype(np.uint8)[..., None], 3, axis=3), labels


def held_out(count: int, seed: int) -> HeldOut:
    pixels, labels = striped(count, seed)
    return HeldOut(np.array([f"{seed}-{i}" for i in range(count)]), labels, pixels)


def test_right_labels_are_told_from_wrong_ones():
    pixels, labels = striped(120, 0)
    sets = {"num_classes": 2, "network": "competition", "images": 360, "seeds": [0, 1], "device": CPU}
    wrong = np.random.default_rng(3).permutation(labels)
    right, shuffled = (
        quick_check(pixels, given, held_out(40, 1), {"test": held_out(40, 2)}, **sets) for given in (labels, wrong)
    )
    assert list(right.metrics) == ["quick_validation", "quick_test"] and right.images == 120
    assert right.metrics["quick_test"] > 0.9 > 0.75 > shuffled.metrics["quick_test"]
    assert str(right).startswith("a small network trained on the 120 curated images: validation ")


@pytest.mark.parametrize(("count", "epochs"), [(100, 4), (300, 1), (2000, 1)])
def test_a_network_sees_as_many_images_whatever_was_kept(monkeypatch, count, epochs):
    seen = []

    def recorded(pixels, labels, *more, recipe, **options):
        seen.append(recipe.epochs)
        return train_classifier(pixels[:8], labels[:8], *more, recipe=recipe, **options)

    monkeypatch.setattr(quick, "train_classifier", recorded)
    pixels, labels = striped(count, 0)
    quick_check(
        pixels, labels, held_out(4, 1), {}, num_classes=2, network="competition", images=400, seeds=[0], device=CPU
    )
    assert seen == [epochs]
