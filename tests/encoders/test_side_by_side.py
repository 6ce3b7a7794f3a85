"""Several encoders side by side: whose columns are whose, which weights are chosen, and what a kill costs."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from winnow.encoders.base import LOG_LOSSES, Embedding
from winnow.encoders.columns import concatenated, outlier_features, picture_features, split_columns
from winnow.encoders.normalise import l2_normalised
from winnow.encoders.side_by_side import Part, SideBySide
from winnow.encoders.zero_shot import ZeroShot
from winnow.errors import WinnowError


@dataclass
class Fake:
    """An encoder that gives ready features by the first pixel of each image, which is the image's number."""

    name: str
    table: np.ndarray
    is_fitted: bool = False
    zero_shot: np.ndarray | None = None
    runs: int = 0

    def embed_dataset(self, pixels, labels, *, scratch=None) -> Embedding:
        self.runs += 1
        numbers = pixels[:, 0, 0, 0].astype(int)
        zero_shot = None if self.zero_shot is None else ZeroShot(self.zero_shot[numbers], np.ones(len(numbers)))
        self.scratch = scratch
        return Embedding(self.table[numbers], {"encoder": self.name}, zero_shot, "" if zero_shot else "no words")

    def embed_extended(self, pixels, labels, before, *, scratch=None) -> Embedding:
        if self.is_fitted:
            return self.embed_dataset(pixels, labels)
        return before.followed_by(self.embed_dataset(pixels[len(before.features) :], labels))

    def classify_new(self, new_pixels, *, pixels, labels, embedding, l2) -> np.ndarray:
        np.testing.assert_allclose(embedding.features, self.table[pixels[:, 0, 0, 0].astype(int)], atol=1e-6)
        return np.tile(np.float32([0.2, 0.8] if self.is_fitted else [0.6, 0.4]), (len(new_pixels), 1))


def numbered(count: int) -> np.ndarray:
    """(count, 16, 16, 3) noise whose first pixel is the image's number."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    pixels[:, 0, 0] = np.arange(count)[:, None]
    return pixels


def directions(count: int, dimensions: int, *, seed: int) -> np.ndarray:
    return l2_normalised(np.random.default_rng(seed).normal(size=(count, dimensions)))


@pytest.fixture
def two() -> tuple[Fake, Fake]:
    probabilities = np.tile(np.float32([0.9, 0.1]), (60, 1))
    frozen = Fake("frozen", directions(60, 5, seed=1), zero_shot=probabilities)
    return frozen, Fake("fitted", directions(60, 3, seed=2), is_fitted=True)


def both(two, *candidates) -> SideBySide:
    return SideBySide([Part(each, weights) for each, weights in zip(two, candidates, strict=True)], num_classes=2)


def test_the_cosine_of_two_images_is_the_mean_of_their_cosines():
    one, other = np.float32([[1, 0], [0.6, 0.8]]), np.float32([[0, 1], [1, 0]])
    joined = concatenated([one, other], [1.0, 0.5])
    np.testing.assert_allclose(np.linalg.norm(joined, axis=1), 1, atol=1e-6)
    assert joined[0] @ joined[1] == pytest.approx((0.6 + 0.25 * 0) / 1.25)
    for part, was in zip(split_columns(joined, [2, 2]), (one, other), strict=True):
        np.testing.assert_allclose(part, was, atol=1e-6)


def test_fixed_weights_are_taken_and_told(two):
    encoder = both(two, [1.0], [0.5])
    labels = np.arange(40) % 2
    found = encoder.embed_dataset(numbered(40), labels)
    np.testing.assert_array_equal(found.features, concatenated([two[0].table[:40], two[1].table[:40]], [1.0, 0.5]))
    assert encoder.name == "frozen + fitted" and encoder.is_fitted
    assert found.metrics == {
        "images": 40,
        "dimensions": 8,
        "weights": {"frozen": 1.0, "fitted": 0.5},
        "log_loss_by_weights": {},
        "plain_log_loss_by_weights": {},
    }
    assert found.fingerprint["fitted"] == {"encoder": "fitted", "weight": 0.5, "dimensions": 3}
    assert found.zero_shot.pred_probs.shape == (40, 2) and not found.no_zero_shot


def test_pictures_are_compared_by_the_first_encoder_even_after_the_file_was_read(two):
    arrays = both(two, [1.0], [2.0]).embed_dataset(numbered(40), np.arange(40) % 2).arrays()
    assert json.loads(str(arrays["encoder"]))["encoder"] == ["frozen", "fitted"]
    np.testing.assert_allclose(picture_features(arrays), two[0].table[:40], atol=1e-6)
    alone = two[0].embed_dataset(numbered(40), np.arange(40) % 2).arrays()
    assert picture_features(alone) is alone["features"]


def test_outliers_are_found_by_the_first_encoder_and_those_with_a_backbone():
    rng = np.random.default_rng(0)
    every = [l2_normalised(rng.normal(size=(6, columns)).astype(np.float32)) for columns in (4, 3, 5)]
    frozen, trained, finetuned = every
    names = ["timm", "trained", "finetuned"]

    def arrays(names, parts, weights):
        described = {
            name: {"weight": weight, "dimensions": part.shape[1]}
            for name, part, weight in zip(names, parts, weights, strict=True)
        }
        if "finetuned" in names:
            described["finetuned"]["backbone"] = {"model": "any"}
        fingerprint = np.array(json.dumps({"encoder": names, **described}))
        return {"features": concatenated(parts, weights), "encoder": fingerprint}

    all_three = arrays(names, every, [1.0, 0.7, 0.5])
    np.testing.assert_allclose(outlier_features(all_three), concatenated([frozen, finetuned], [1.0, 0.5]), atol=1e-6)
    np.testing.assert_allclose(picture_features(all_three), frozen, atol=1e-6)
    two = arrays(names[:2], [frozen, trained], [1.0, 0.7])
    np.testing.assert_allclose(outlier_features(two), frozen, atol=1e-6)
    alone = {"features": finetuned, "encoder": np.array(json.dumps({"encoder": "finetuned"}))}
    assert outlier_features(alone) is finetuned


@pytest.mark.parametrize("useful", [0, 1])
def test_the_weights_of_the_least_held_out_log_loss_are_chosen(two, useful):
    """One encoder knows the classes, the other gives noise in many directions; a third of the labels is wrong."""
    rng = np.random.default_rng(3)
    true = np.arange(200) % 2
    labels = np.where(rng.random(200) < 0.3, 1 - true, true)
    table = l2_normalised(np.eye(2)[true] + rng.normal(0, 0.2, (200, 2)))
    noise = directions(200, 40, seed=4)
    fakes = [Fake("a", noise), Fake("b", noise)]
    fakes[useful] = replace(fakes[useful], table=table)
    candidates = [0.3, 1.0, 3.0]
    found = both(fakes, [1.0], candidates).embed_dataset(numbered(200), labels)
    log_loss = found.metrics["log_loss_by_weights"]
    assert found.choice.startswith("weights ") and f"of {len(log_loss)} tried" in found.choice
    plain = found.metrics["plain_log_loss_by_weights"][f"[1.0, {found.metrics['weights']['b']}]"]
    assert found.choice.endswith(f"{min(log_loss.values()):.4f} ({plain:.4f} without it)")
    assert list(found.metrics["plain_log_loss_by_weights"]) == list(log_loss)
    assert list(log_loss) == ["[1.0, 0.3]", "[1.0, 1.0]", "[1.0, 3.0]"]
    assert found.metrics["weights"]["b"] == (3.0 if useful else 0.3)
    assert log_loss[f"[1.0, {found.metrics['weights']['b']}]"] == min(log_loss.values()) < 0.69


def test_without_labels_weights_cannot_be_chosen_and_nothing_is_embedded_before_that_is_said(two):
    blind = SideBySide([Part(two[0], [1.0]), Part(two[1], [0.3, 0.7])], num_classes=0)
    with pytest.raises(WinnowError, match="several weight_candidates for fitted, and the images have no labels"):
        blind.embed_dataset(numbered(40), np.full(40, -1))
    assert two[0].runs == two[1].runs == 0


def test_an_extended_dataset_keeps_weights_and_zero_shot(two):
    labels = np.arange(50) % 2
    encoder = both(two, [1.0], [0.3, 0.7])
    before = encoder.embed_dataset(numbered(40), labels[:40])
    two[0].runs = two[1].runs = 0
    after = both(two, [1.0], [9.0]).embed_extended(numbered(50), labels, before)
    expected = concatenated([two[0].table[:50], two[1].table[:50]], list(before.metrics["weights"].values()))
    np.testing.assert_allclose(after.features, expected, atol=1e-6)
    assert after.metrics["weights"] == before.metrics["weights"] != {"frozen": 1.0, "fitted": 9.0}
    for name in LOG_LOSSES:
        assert after.metrics[name] == before.metrics[name] != {}
    assert after.zero_shot.pred_probs.shape == (50, 2)


def test_new_images_get_the_mean_of_what_each_encoder_says_of_them(two):
    encoder, labels = both(two, [1.0], [0.5]), np.arange(40) % 2
    embedding = Embedding.from_arrays(encoder.embed_dataset(numbered(40), labels).arrays())
    pred_probs = encoder.classify_new(numbered(3), pixels=numbered(40), labels=labels, embedding=embedding, l2=0.01)
    np.testing.assert_allclose(pred_probs, np.tile([0.4, 0.6], (3, 1)), atol=1e-6)


def test_each_encoder_keeps_finished_parts_in_a_folder_of_its_own(two, tmp_path):
    both(two, [1.0], [0.5]).embed_dataset(numbered(40), np.arange(40) % 2, scratch=tmp_path)
    assert [each.scratch for each in two] == [tmp_path / "frozen", tmp_path / "fitted"]


def test_why_there_is_no_zero_shot_is_said_where_no_encoder_gives_any(two):
    blind = [replace(each, zero_shot=None) for each in two]
    found = both(blind, [1.0], [0.5]).embed_dataset(numbered(40), np.arange(40) % 2)
    assert found.zero_shot is None and found.no_zero_shot == "no words; no words"
