"""HyDRA by hand, the trap of stale running statistics, planted faults, and runs after a kill."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from stopped import stop_in
from winnow.detect.valuation import hydra
from winnow.detect.valuation.hydra import points_harmed, value_checkpoints
from winnow.detect.valuation.trajectory import Followed, follow, margins_of, recalibrate, step_weights
from winnow.detect.valuation.values import value_images
from winnow.errors import WinnowError
from winnow.models import trainer
from winnow.models.networks import NETWORKS, Network, find_network
from winnow.models.predict import to_input
from winnow.models.recipe import Recipe
from winnow.models.small_resnet import SmallResNet

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    """A softmax regression on 2 x 2 pixels, and a small network with batch normalisation."""

    def linear(num_classes: int) -> nn.Module:
        network = nn.Sequential(nn.Flatten(), nn.Linear(12, num_classes))
        nn.init.zeros_(network[1].weight)
        nn.init.zeros_(network[1].bias)
        return network

    def small(num_classes: int) -> nn.Module:
        return SmallResNet(width=4, num_classes=num_classes)

    monkeypatch.setitem(NETWORKS, "softmax", Network(name="softmax", construct=linear, input_size=2))
    monkeypatch.setitem(NETWORKS, "small", Network(name="small", construct=small, input_size=12))


def sgd(**settings) -> Recipe:
    return Recipe(
        **{"epochs": 2, "batch_size": 40, "learning_rate": 0.5, "momentum": 0.5, "precision": "float32"} | settings
    )


def points(images: int = 40, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (images, 2, 2, 3), dtype=np.uint8), np.arange(images) % 3


def followed(pixels, labels, *, network="softmax", recipe=None, checkpoints=(0, 1), seed=0, scratch=None):
    return follow(
        pixels,
        labels,
        num_classes=3,
        network=network,
        recipe=recipe or sgd(),
        checkpoints=checkpoints,
        recalibration_images=64,
        seed=seed,
        scratch=scratch,
        device=CPU,
    )


def valued(trajectory, pixels, labels, reference, *, network="softmax", scratch=None):
    followed = Followed(find_network(network).build(3), trajectory, pixels, labels, *reference)
    return value_checkpoints(followed, scratch=scratch, device=CPU)


def test_a_step_weighs_what_its_velocity_carries_on():
    # lr 0.1, 0.2, 0.4 and momentum 0.5: 0.1 + 0.2 / 2 + 0.4 / 4, 0.2 + 0.4 / 2, 0.4
    np.testing.assert_allclose(step_weights(np.array([0.1, 0.2, 0.4]), momentum=0.5), [0.3, 0.4, 0.4])
    np.testing.assert_allclose(step_weights(np.array([0.1, 0.2]), momentum=0.0), [0.1, 0.2])


def test_weight_decay_shrinks_what_a_step_moved():
    rates, momentum, decay = np.array([0.3, 0.2, 0.1, 0.2]), 0.6, 0.5

    def end(gradients):
        weight = velocity = 0.0
        for rate, gradient in zip(rates, gradients, strict=True):
            velocity = momentum * velocity + gradient + decay * weight
            weight -= rate * velocity
        return weight

    expected = [-end(np.eye(4)[step]) for step in range(4)]  # linear: the response to a gradient of 1
    np.testing.assert_allclose(step_weights(rates, momentum=momentum, weight_decay=decay), expected)


def test_two_steps_of_hydra_by_hand():
    pixels, labels = points()
    reference = points(5, seed=1)
    found = valued(followed(pixels, labels), pixels, labels, reference)

    # SGD with momentum 1/2 from zero, all 40 images a batch; cosine over two epochs: learning rates 0.5 and 0.25.
    def design(images):
        return np.concatenate(
            [images.transpose(0, 3, 1, 2).reshape(len(images), 12) / 255, np.ones((len(images), 1))], axis=1
        )

    def gradients(images, given, weights):  # (N, 13, 3)
        inputs = design(images)
        scores = np.exp(inputs @ weights)
        error = scores / scores.sum(axis=1, keepdims=True) - np.eye(3)[given]
        return inputs[:, :, None] * error[:, None, :]

    first = gradients(pixels, labels, np.zeros((13, 3)))
    after_one = -0.5 * first.mean(axis=0)
    second = gradients(pixels, labels, after_one)
    velocity = 0.5 * first.mean(axis=0) + second.mean(axis=0)
    end = after_one - 0.25 * velocity
    moved = ((0.5 + 0.5 * 0.25) * first + 0.25 * second) / 40  # each image's share, against its gradients
    expected = -np.einsum("npk,jpk->nj", moved, gradients(*reference, end))
    np.testing.assert_allclose(found.influence, expected, rtol=1e-3, atol=1e-7)

    references_now = [gradients(*reference, weights).mean(axis=0) for weights in (np.zeros((13, 3)), after_one)]
    tracin = -sum(
        rate / 40 * np.einsum("npk,pk->n", own, mean)
        for rate, own, mean in zip((0.5, 0.25), (first, second), references_now, strict=True)
    )
    np.testing.assert_allclose(found.tracin, tracin, rtol=1e-3, atol=1e-7)
    norms = (np.sqrt((first**2).sum(axis=(1, 2))) + np.sqrt((second**2).sum(axis=(1, 2)))) / 2
    np.testing.assert_allclose(found.gradient_norm, norms, rtol=1e-4)


def test_an_image_in_no_batch_is_worth_nothing():
    pixels, labels = points(
        41
    )  # batches of 40: the last image of an epoch would be a batch of its own, and is left out
    trajectory = followed(pixels, labels, recipe=sgd(epochs=1), checkpoints=(0,))
    out = np.flatnonzero(trajectory.step_weights[0] == 0)
    assert len(out) == 1
    assert not valued(trajectory, pixels, labels, points(5, seed=1)).influence[out].any()


def test_the_margin_is_that_over_the_best_other_class():
    logits = torch.tensor([[2.0, 5.0, 1.0], [2.0, 5.0, 1.0]])
    assert margins_of(logits, torch.tensor([1, 2])).tolist() == [3.0, -4.0]


def test_the_rule_takes_what_lies_within_a_deviation_of_the_worst():
    influence = np.array([[0.0, 0.0], [0.0, 9.0], [10.0, 9.0], [9.5, 0.0]])
    # The deviations are 4.88 and 4.5: the limits 5.12 and 4.5.
    assert points_harmed(influence).tolist() == [0, 1, 2, 1]


def planted(images: int = 240):
    """Dark, middle and bright squares in noise; every tenth has the label of another class."""
    rng = np.random.default_rng(3)
    true = np.arange(images) % 3
    pixels = rng.normal(np.array([50, 125, 200])[true][:, None, None, None], 25, (images, 12, 12, 3)).clip(0, 255)
    wrong = np.arange(images) % 10 == 4
    return pixels.astype(np.uint8), np.where(wrong, (true + 1) % 3, true), true, wrong


SMALL = {
    "network": "small",
    "recipe": sgd(epochs=6, batch_size=24, learning_rate=0.05, momentum=0.9),
    "checkpoints": (1, 2, 4),
}


def test_stale_running_statistics_change_nothing_for_they_are_made_anew():
    pixels, labels, _, _ = planted()
    trajectory = followed(pixels, labels, **SMALL)
    images = torch.tensor(pixels[:64])
    state = trajectory.states[0]
    stale = {name: torch.zeros_like(value) if "running" in name else value for name, value in state.items()}
    module = find_network("small").build(3)
    fresh, again = recalibrate(module, stale, images), recalibrate(module, state, images)
    for name, value in fresh.items():
        torch.testing.assert_close(value, again[name], rtol=0, atol=0)

    def logits(state, *, training=False):
        module.load_state_dict(state)
        with torch.no_grad():
            return module.train(training)(to_input(images))

    # What Keras' momentum leaves of the start after the ten steps of an epoch: 0.99 ** 10.
    start = {"running_mean": 0.0, "running_var": 1.0}
    lagging = {
        name: 0.9 * start[kind] + 0.1 * value if (kind := name.rpartition(".")[2]) in start else value
        for name, value in fresh.items()
    }
    as_trained = logits(fresh, training=True)
    torch.testing.assert_close(logits(fresh), as_trained, rtol=0.05, atol=0.05)
    assert (logits(lagging) - as_trained).abs().mean() > 0.3 * as_trained.abs().mean()


def test_wrong_labels_show_in_every_score_and_the_spread_over_seeds_too():
    pixels, labels, true, wrong = planted()
    images = np.array([f"img_{row}" for row in range(len(labels))])
    table = value_images(
        images[20:], pixels[20:], labels[20:], pixels[:20], true[:20], num_classes=3, recalibration_images=64,
        seeds=[0, 1], device=CPU, **SMALL,
    )  # fmt: skip
    bad = wrong[20:]
    assert table["image_id"].tolist() == images[20:].tolist()
    for name, worse in {"early_loss": 1, "early_probability": -1, "aum": -1, "gradient_norm": 1}.items():
        score = worse * table[name].to_numpy()
        assert np.median(score[bad]) > np.quantile(score[~bad], 0.9), name
    assert table["influence"][bad].mean() > 0 and table["tracin"][bad].mean() > 0
    assert (table["influence_se"] > 0).all() and table["nearest_reference"].between(0, 19).all()
    assert table["points_harmed"].to_numpy()[bad].mean() > table["points_harmed"].to_numpy()[~bad].mean()


def test_values_follow_their_images_and_the_scale_of_the_reference():
    pixels, labels, true, _ = planted(60)
    trajectory = followed(pixels, labels, **SMALL)
    reference = pixels[:9], true[:9]
    whole = valued(trajectory, pixels, labels, reference, network="small")
    order = np.random.default_rng(0).permutation(60)
    moved = type(trajectory)(
        **{
            **vars(trajectory),
            "step_weights": trajectory.step_weights[:, order],
            "learning_rates": trajectory.learning_rates[:, order],
        }
    )
    again = valued(moved, pixels[order], labels[order], reference, network="small")
    np.testing.assert_allclose(again.influence, whole.influence[order], rtol=1e-4, atol=1e-9)
    twice = valued(
        trajectory, pixels, labels, (np.repeat(pixels[:9], 2, axis=0), np.repeat(true[:9], 2)), network="small"
    )
    np.testing.assert_allclose(twice.influence.sum(axis=1), 2 * whole.influence.sum(axis=1), rtol=1e-4)


@pytest.mark.parametrize("killed_at", ["training", "checkpoints"])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch, killed_at):
    pixels, labels, true, _ = planted(60)

    def run(scratch):
        trajectory = followed(pixels, labels, **SMALL, scratch=scratch)
        return valued(trajectory, pixels, labels, (pixels[:9], true[:9]), network="small", scratch=scratch)

    straight = run(None)
    module, name, after = {"training": (trainer, "_train_epoch", 3), "checkpoints": (hydra, "_pass", 2)}[killed_at]
    go_on = stop_in(monkeypatch, module, name, after=after)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    calls = go_on()
    resumed = run(tmp_path)
    # The first of 6 epochs is always written, later ones as the disk allows; of 3 passes the 2 that were done are kept.
    assert len(calls) <= {"training": 5, "checkpoints": 1}[killed_at]
    for name, value in vars(straight).items():
        assert np.array_equal(value, getattr(resumed, name)), name


def test_values_kept_from_a_killed_run_are_of_the_same_reference(tmp_path):
    pixels, labels, true, _ = planted(60)
    trajectory = followed(pixels, labels, **SMALL)
    valued(trajectory, pixels, labels, (pixels[:9], true[:9]), network="small", scratch=tmp_path)
    for other in ((pixels[:9], (true[:9] + 1) % 3), (pixels[9:18], true[9:18]), (pixels[:4], true[:4])):
        resumed = valued(trajectory, pixels, labels, other, network="small", scratch=tmp_path)
        fresh = valued(trajectory, pixels, labels, other, network="small")
        assert np.array_equal(resumed.influence, fresh.influence)


def test_a_margin_is_a_mean_over_the_steps_that_an_image_was_in():
    """Of nine images in batches of four one is left out of each epoch. All are one image: one margin."""
    pixels, labels = np.repeat(points(1)[0], 9, axis=0), np.zeros(9, dtype=int)
    recipe = sgd(batch_size=4, epochs=6, learning_rate=1e-9)
    margins = followed(pixels, labels, network="small", recipe=recipe).margins
    assert np.ptp(margins) < 1e-3 * np.abs(margins).mean() and np.abs(margins).mean() > 0


def test_means_over_many_checkpoints_stay_probabilities():
    """Nine times a ninth of 1 is a little more than 1."""
    pixels, labels = points()
    states = followed(pixels, labels)
    sure = {name: tensor.clone() for name, tensor in states.final.items()}
    sure["1.bias"][labels[0]] = 1e4
    nine = replace(states, states=[sure] * 9, step_weights=np.ones((9, 40)), learning_rates=np.ones((9, 40)))
    assert valued(nine, pixels, labels, (pixels[:2], labels[:2])).probability.max() == 1.0


def test_what_cannot_be_valued_is_said():
    pixels, labels = points()
    with pytest.raises(ValueError, match="recalibration_images is 1; one image has no statistics"):
        value_images(
            np.arange(40).astype(str), pixels, labels, pixels, labels, num_classes=3, network="softmax", recipe=sgd(),
            checkpoints=[0], recalibration_images=1, seeds=[0], device=CPU,
        )  # fmt: skip
    with pytest.raises(ValueError, match="plain SGD"):
        followed(pixels, labels, recipe=sgd(label_smoothing=0.1))
    with pytest.raises(ValueError, match=r"checkpoints are \[1, 2\], not rising numbers from 0 to 1"):
        followed(pixels, labels, checkpoints=(1, 2))
    settings = {
        "num_classes": 3,
        "recalibration_images": 8,
        "seeds": [0],
        "device": CPU,
        "checkpoints": [0],
        "recipe": sgd(),
    }
    with pytest.raises(WinnowError, match="there is no reference image to value others by"):
        value_images(np.arange(40).astype(str), pixels, labels, pixels[:0], labels[:0], network="softmax", **settings)
    with pytest.raises(WinnowError, match="is timm:vit_tiny_patch16_224, in which the gradients"):
        value_images(
            np.arange(40).astype(str), pixels, labels, pixels, labels, network="timm:vit_tiny_patch16_224", **settings
        )
