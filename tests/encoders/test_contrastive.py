"""The supervised contrastive loss by hand, the images that it sees, and the encoder that learns by it."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from digit_scans import digit_scans
from winnow.encoders.fitted import out_of_fold
from winnow.encoders.fitted.contrastive import Contrastive, Projected, Variation, supervised_contrastive
from winnow.encoders.fitted.networks import SmallNetworks, TrainedSettings, fit_trained_encoder
from winnow.encoders.fitted.small_images import read_small_images
from winnow.models.border import border_level
from winnow.models.small_resnet import SmallResNet

CPU = torch.device("cpu")
STRENGTHS = {"shear": 0.3, "rotation": 15.0, "shift": 0.2, "zoom": 0.25, "noise": 0.5, "inversion": 0.25}
varied = Variation(**STRENGTHS)


def settings(loss, **changes) -> TrainedSettings:
    values = {"folds": 2, "epochs": 2, "width": 4, "input_size": 16, "learning_rate": 0.1, "label_smoothing": 0.1}
    values |= {"shift": 0.0, "mirror": False, "zoom": 0.0, "color": 0.0, "seed": 0, "contrastive": STRENGTHS}
    return TrainedSettings(**{**values, "loss": loss, **changes})


def test_the_loss_of_three_images_by_hand():
    embedded = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    # Images 0 and 1 are of one class, at temperature 1: similarities 0.6, 0 and 0.8.
    first = -0.6 + math.log(math.exp(0.6) + math.exp(0.0))
    second = -0.6 + math.log(math.exp(0.6) + math.exp(0.8))
    loss = supervised_contrastive(embedded, torch.tensor([4, 4, 2]), temperature=1.0)
    assert loss.item() == pytest.approx((first + second) / 2)


def test_an_image_alone_in_its_class_adds_nothing():
    embedded = normalize(torch.rand(3, 4), dim=1).requires_grad_()
    loss = supervised_contrastive(embedded, torch.tensor([0, 1, 2]), temperature=0.1)
    loss.backward()
    assert loss.item() == 0 and not embedded.grad.any()


def test_more_than_one_positive_counts_as_their_mean():
    embedded = normalize(torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = torch.tensor([0, 0, 0, 1, 1])
    total = 0.0
    for row in range(5):
        others = [other for other in range(5) if other != row]
        positives = [other for other in others if labels[other] == labels[row]]
        shares = {other: math.exp(float(embedded[row] @ embedded[other]) / 0.5) for other in others}
        total -= sum(math.log(shares[other] / sum(shares.values())) for other in positives) / len(positives)
    assert supervised_contrastive(embedded, labels, temperature=0.5).item() == pytest.approx(total / 5, rel=1e-5)


def test_batches_hold_rare_classes_as_often_as_common_ones():
    labels = torch.tensor([0] * 900 + [1] * 100)
    rows = np.arange(0, 1000, 2)
    network = Projected(SmallResNet(width=4, num_classes=2))
    images = read_small_images(np.zeros((1000, 16, 16, 3), dtype=np.uint8), input_size=16, device=CPU)
    objective = Contrastive(
        network, images, labels, rows=rows, variation=varied, loss="both", label_smoothing=0.1, seed=0, fold=0
    )
    drawn = torch.cat([batch for epoch in range(1, 5) for batch in objective.batches(epoch)])
    assert set(drawn.tolist()) <= set(rows.tolist())
    assert 0.45 < labels[drawn].float().mean() < 0.55


def test_what_comes_in_from_outside_has_the_level_of_the_border():
    images = torch.full((200, 3, 32, 32), 0.7)
    images[:, :, 12:20, 12:20] = -0.4
    assert (border_level(images) == 0.7).all()
    varied_images = varied(images, torch.Generator().manual_seed(0))
    assert varied_images.shape == images.shape
    # Inverted within their own levels or not, noisy or not: the border's mean is near one of the two levels.
    rims = varied_images[:, :, 0].mean(dim=(1, 2))
    assert (torch.minimum((rims - 0.7).abs(), (rims + 0.4).abs()) < 0.6).all()
    assert not torch.equal(varied_images[0], varied_images[1])


def test_nothing_is_reflected_into_an_image():
    """A stroke near the edge, moved inwards by a shift, would have a twin with reflection."""
    images = torch.zeros(64, 3, 33, 33)
    images[:, :, 8:25, 2:4] = 1.0
    generator = torch.Generator().manual_seed(1)
    ink = varied(images, generator).clamp(0, 1)[:, 0]
    assert (ink[:, :, 20:].amax(dim=(1, 2)) < 1).float().mean() > 0.5


def test_strengths_of_zero_leave_the_images():
    images = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    still = Variation(**dict.fromkeys(STRENGTHS, 0.0))(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(still, images, atol=1e-4, rtol=0)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_each_strength_alone_changes_images_and_more_of_it_changes_them_more(strength):
    images = torch.zeros(200, 3, 32, 32)
    images[:, :, 6:20, 10:14] = 1.0

    def change(value: float) -> float:
        alone = Variation(**dict.fromkeys(STRENGTHS, 0.0) | {strength: value})
        return float((alone(images, torch.Generator().manual_seed(0)) - images).abs().mean())

    value = STRENGTHS[strength]
    assert 1e-3 < change(value / 3) < change(value)


def test_inverted_images_keep_their_range_and_their_share():
    images = torch.rand(400, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = Variation(**dict.fromkeys(STRENGTHS, 0.0) | {"inversion": 0.25})(images, torch.Generator().manual_seed(0))
    turned = (found - images).abs().amax(dim=(1, 2, 3)) > 0.1
    assert 0.2 < turned.float().mean() < 0.3
    torch.testing.assert_close(found[turned].amax(dim=(2, 3)), images[turned].amax(dim=(2, 3)), atol=1e-3, rtol=0)


@pytest.mark.parametrize("loss", ["cross_entropy", "supervised_contrastive", "both"])
def test_strengths_decide_the_networks_only_where_the_loss_uses_them(loss):
    stronger = settings(loss, contrastive=STRENGTHS | {"noise": 0.9})
    one, other = (SmallNetworks(each, 10, CPU).fingerprint for each in (settings(loss), stronger))
    assert (one == other) == (loss == "cross_entropy")


@pytest.mark.parametrize("loss", ["supervised_contrastive", "both"])
def test_no_row_depends_on_labels_of_its_own_fold(loss, monkeypatch):
    pixels, labels = digit_scans(120)
    fold = np.arange(120) % 2
    monkeypatch.setattr(out_of_fold, "stratified_group_folds", lambda *_, **__: fold)
    before = fit_trained_encoder(pixels, labels, settings(loss), num_classes=10, device=CPU).pred_probs
    again = fit_trained_encoder(pixels, labels, settings(loss), num_classes=10, device=CPU).pred_probs
    assert before.tobytes() == again.tobytes()
    changed = np.where(fold == 0, (labels + 1) % 10, labels)
    after = fit_trained_encoder(pixels, changed, settings(loss), num_classes=10, device=CPU).pred_probs
    assert after[fold == 0].tobytes() == before[fold == 0].tobytes()
    assert after[fold == 1].tobytes() != before[fold == 1].tobytes()


@pytest.mark.parametrize("loss", ["supervised_contrastive", "both"])
def test_classes_part_in_the_features_of_images_that_were_not_seen(loss):
    pixels, labels = digit_scans(600)
    found = fit_trained_encoder(pixels, labels, settings(loss, epochs=30, width=8), num_classes=10, device=CPU)
    similarity = found.features @ found.features.T
    np.fill_diagonal(similarity, -1)
    nearest = labels[similarity.argmax(axis=1)]
    assert (nearest == labels).mean() > 0.7
    if loss == "both":  # alone, the classifier only follows the features, and is behind them after so few steps
        assert (found.pred_probs.argmax(axis=1) == labels).mean() > 0.6
