"""The embedding loop, and the encoder trained on the dataset itself."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from winnow.encoders.fitted import out_of_fold, training
from winnow.encoders.fitted.mixup import Mixup
from winnow.encoders.fitted.networks import TrainedSettings, fit_trained_encoder
from winnow.encoders.frozen.embedding import embed_images
from winnow.encoders.frozen.network import FrozenNetwork
from winnow.encoders.normalise import l2_normalised
from winnow.errors import WinnowError

CPU = torch.device("cpu")
SMALL = TrainedSettings(
    folds=3,
    epochs=2,
    width=4,
    input_size=16,
    learning_rate=0.1,
    label_smoothing=0.1,
    shift=0.125,
    mirror=False,
    zoom=0.0,
    color=0.0,
    loss="cross_entropy",
    contrastive={},
    seed=0,
)


class Killed(Exception):
    """Stands for a kill in the middle of the work."""


class Projection:
    """A fake encoder: a fixed random projection of the pixels, which counts images and dies on demand."""

    def __init__(self, *, dies_after: int | None = None, weights: int = 0) -> None:
        self.matrix = torch.from_numpy(np.random.default_rng(weights).normal(size=(12 * 12 * 3, 7))).float()
        self.seen, self.calls, self.dies_after, self.weights = 0, 0, dies_after, weights

    def encoder(self) -> FrozenNetwork:
        return FrozenNetwork(name="projection", fingerprint={"weights": self.weights}, input_size=8, encode=self.encode)

    def encode(self, pixels: np.ndarray) -> torch.Tensor:
        if self.calls == self.dies_after:
            raise Killed
        self.calls += 1
        self.seen += len(pixels)
        return torch.from_numpy(pixels.reshape(len(pixels), -1)).float() @ self.matrix


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (90, 12, 12, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """500 real handwritten digits as (500, 24, 24, 3) uint8, and their labels."""
    scans, labels = load_digits(return_X_y=True)
    scans = (scans[:500].reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    grey = np.stack([np.asarray(Image.fromarray(scan).resize((24, 24), Image.Resampling.BICUBIC)) for scan in scans])
    return np.repeat(grey[..., None], 3, axis=3), labels[:500]


def test_features_are_normalised_projections(pixels):
    fake = Projection()
    features, zero_shot = embed_images(fake.encoder(), pixels, batch_size=4, flip=False)
    expected = pixels.reshape(90, -1).astype(np.float32) @ fake.matrix.numpy()
    np.testing.assert_allclose(features, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    assert features.dtype == np.float32
    assert zero_shot is None


def test_flip_makes_features_blind_to_mirroring(pixels):
    encoder = Projection().encoder()
    mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
    plain = [embed_images(encoder, view, batch_size=8, flip=False)[0] for view in (pixels, mirrored)]
    averaged = [embed_images(encoder, view, batch_size=8, flip=True)[0] for view in (pixels, mirrored)]
    assert np.abs(plain[0] - plain[1]).max() > 0.1
    np.testing.assert_allclose(averaged[0], averaged[1], atol=1e-6)


def test_a_killed_run_resumes_with_the_same_bytes(pixels, tmp_path):
    whole, _ = embed_images(Projection().encoder(), pixels, batch_size=4, flip=False)
    killed = Projection(dies_after=19)  # 76 of 90 images; chunks of 32, so two chunks are stored
    with pytest.raises(Killed):
        embed_images(killed.encoder(), pixels, batch_size=4, flip=False, scratch=tmp_path)
    second = Projection()
    resumed, _ = embed_images(second.encoder(), pixels, batch_size=4, flip=False, scratch=tmp_path)
    assert second.seen == 90 - 64
    assert resumed.tobytes() == whole.tobytes()


def test_stored_parts_are_not_taken_for_those_of_other_work(pixels, tmp_path):
    """Chunks hold 32 images: another pixel makes its chunk new, other weights or options all three."""
    embed_images(Projection().encoder(), pixels, batch_size=4, flip=False, scratch=tmp_path)
    changed = pixels.copy()
    changed[40, 0, 0, 0] ^= 1
    for images, fake, flip, seen in (
        (changed, Projection(), False, 32),
        (pixels, Projection(weights=1), False, 90),
        (pixels, Projection(), True, 180),
    ):
        features, _ = embed_images(fake.encoder(), images, batch_size=4, flip=flip, scratch=tmp_path)
        assert fake.seen == seen
        fresh, _ = embed_images(Projection(weights=fake.weights).encoder(), images, batch_size=4, flip=flip)
        assert features.tobytes() == fresh.tobytes()


def test_a_row_of_zeros_stays_finite():
    np.testing.assert_array_equal(l2_normalised(np.array([[0.0, 0.0], [3.0, 4.0]])), np.float32([[0, 0], [0.6, 0.8]]))


def test_trained_features_shape_and_determinism(digits):
    pixels, labels = digits[0][:120], digits[1][:120]
    one = fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU)
    two = fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU)
    other = fit_trained_encoder(pixels, labels, replace(SMALL, seed=1), num_classes=10, device=CPU)
    assert one.features.shape == (120, 16)
    assert one.features.dtype == one.pred_probs.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(one.features, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(one.pred_probs.sum(axis=1), 1, atol=1e-5)
    assert one.features.tobytes() == two.features.tobytes()
    assert one.fingerprint == two.fingerprint
    assert one.features.tobytes() != other.features.tobytes()
    assert one.fingerprint["weights_sha256"] != other.fingerprint["weights_sha256"]


def test_the_number_of_cores_changes_no_bit(digits, monkeypatch):
    pixels, labels = digits[0][:120], digits[1][:120]
    found = []
    for count in (1, 3):
        monkeypatch.setattr(training, "cores", lambda count=count: count)
        found.append(fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU))
    assert found[0].features.tobytes() == found[1].features.tobytes()
    assert found[0].fingerprint == found[1].fingerprint


def test_a_network_that_fails_ends_the_others(digits, monkeypatch):
    """Of three side by side the first fails in its first step; the others would go on for a thousand epochs."""
    pixels, labels = digits[0][:120], digits[1][:120]
    loss, first = Mixup.loss, []

    def failing(self, batch):
        if not first:
            first.append(self)
        if self is first[0]:
            raise Killed
        return loss(self, batch)

    monkeypatch.setattr(training, "cores", lambda: 3)
    monkeypatch.setattr(Mixup, "loss", failing)
    start = time.monotonic()
    with pytest.raises(Killed):
        fit_trained_encoder(pixels, labels, replace(SMALL, epochs=1000), num_classes=10, device=CPU)
    assert time.monotonic() - start < 20


def test_no_row_depends_on_labels_of_its_own_fold(digits, monkeypatch):
    """With folds held fixed, other labels within a fold leave that fold's rows as they were, to the bit."""
    pixels, labels = digits[0][:120], digits[1][:120]
    fold = np.arange(120) % 3
    monkeypatch.setattr(out_of_fold, "stratified_group_folds", lambda *_, **__: fold)
    before = fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU).pred_probs
    for held_out in range(3):
        changed = np.where(fold == held_out, (labels + 1) % 10, labels)
        after = fit_trained_encoder(pixels, changed, SMALL, num_classes=10, device=CPU).pred_probs
        assert after[fold == held_out].tobytes() == before[fold == held_out].tobytes()
        assert after[fold != held_out].tobytes() != before[fold != held_out].tobytes()


def test_random_labels_are_predicted_at_chance(digits):
    """Every image twice, the copies sharing a random label: a network that saw the copy would know it."""
    pixels = np.concatenate([digits[0][:150]] * 2)
    labels = np.tile(np.random.default_rng(0).integers(0, 4, 150), 2)
    settings = replace(SMALL, epochs=25, width=16)
    result = fit_trained_encoder(pixels, labels, settings, num_classes=4, device=CPU)
    np.testing.assert_array_equal(result.fold[:150], result.fold[150:])
    chance, spread = 0.25, np.sqrt(0.25 * 0.75 / 150)
    assert (result.pred_probs.argmax(axis=1) == labels).mean() < chance + 3 * spread

    leaky_fold = np.repeat([0, 1], 150)  # copies parted: the measure must see the leak
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(out_of_fold, "stratified_group_folds", lambda *_, **__: leaky_fold)
        leaky = fit_trained_encoder(pixels, labels, replace(settings, folds=2), num_classes=4, device=CPU)
    assert (leaky.pred_probs.argmax(axis=1) == labels).mean() > chance + 3 * spread


def test_folds_share_one_space_and_ignore_a_third_of_wrong_labels(digits):
    pixels, true = digits
    rng = np.random.default_rng(0)
    given = np.where(rng.random(500) < 0.33, (true + rng.integers(1, 10, 500)) % 10, true)
    settings = replace(SMALL, folds=2, epochs=15, width=8)
    result = fit_trained_encoder(pixels, given, settings, num_classes=10, device=CPU)
    first, second = (np.flatnonzero(result.fold == index) for index in range(2))
    # Neighbours from the other fold only: worthless if the two networks' spaces differ.
    nearest = true[first][np.argsort(-result.features[second] @ result.features[first].T, axis=1)[:, :10]]
    votes = (nearest[:, :, None] == np.arange(10)).sum(axis=1)
    assert (votes.argmax(axis=1) == true[second]).mean() > 0.85
    assert (result.pred_probs.argmax(axis=1) == true).mean() > 0.7


def test_killed_training_goes_on_in_the_network_and_epoch_where_it_was(digits, tmp_path, monkeypatch):
    pixels, labels = digits[0][:120], digits[1][:120]
    whole = fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU)
    loss, steps = Mixup.loss, []  # 80 images for each of 3 networks: one step in each of 2 epochs

    def killed_in_the_sixth(self, batch):
        steps.append(batch)
        if len(steps) == 6:
            raise Killed
        return loss(self, batch)

    monkeypatch.setattr(training, "cores", lambda: 1)  # one network after another
    monkeypatch.setattr(Mixup, "loss", killed_in_the_sixth)
    with pytest.raises(Killed):
        fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU, scratch=tmp_path)
    resumed = fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU, scratch=tmp_path)
    assert len(steps) == 7
    assert resumed.features.tobytes() == whole.features.tobytes()
    assert resumed.fingerprint == whole.fingerprint


def test_checkpoints_are_not_taken_for_those_of_other_data_or_settings(digits, tmp_path):
    pixels, labels = digits[0][:120], digits[1][:120]
    fit_trained_encoder(pixels, labels, SMALL, num_classes=10, device=CPU, scratch=tmp_path)
    darker = pixels // 2
    for images, given, settings in (
        (darker, labels, SMALL),
        (pixels, labels[::-1].copy(), SMALL),
        (pixels, labels, replace(SMALL, learning_rate=0.05)),
    ):
        with_scratch = fit_trained_encoder(images, given, settings, num_classes=10, device=CPU, scratch=tmp_path)
        without = fit_trained_encoder(images, given, settings, num_classes=10, device=CPU)
        assert with_scratch.features.tobytes() == without.features.tobytes()


def test_training_that_diverges_says_so(digits):
    pixels, labels = digits[0][:120], digits[1][:120]
    with pytest.raises(WinnowError, match=r"k \d of 3: the loss is not finite .*lower embed\.trained\.learning_rate"):
        fit_trained_encoder(pixels, labels, replace(SMALL, learning_rate=1e30), num_classes=10, device=CPU)
