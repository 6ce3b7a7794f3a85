"""The training loop: the recipe as stated, the best epoch kept, the same bytes for a seed, kill and resume."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.ops import StochasticDepth

from winnow import device
from winnow.device import seeded
from winnow.errors import WinnowError
from winnow.models import best_epoch, trainer
from winnow.models.average import WeightAverage
from winnow.models.classifier import train_classifier
from winnow.models.networks import NETWORKS, Network
from winnow.models.predict import predict, to_input
from winnow.models.recipe import Recipe, compute_dtype, named_recipe
from winnow.models.weights import save_model

RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=0.05, momentum=0.9, patience=None, precision="float32")
CPU = torch.device("cpu")


def tiny_network(num_classes: int) -> nn.Module:
    """A convolution, batch normalisation and a linear layer: what ResNet-34 is made of, at a thousandth of its cost."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, num_classes),
    )


def known(monkeypatch, name: str, construct) -> None:
    """Enter a network in the registry for the length of a test."""
    monkeypatch.setitem(NETWORKS, name, Network(name=name, construct=construct, input_size=8))


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    known(monkeypatch, "tiny", tiny_network)
    known(monkeypatch, "interrupted", interrupted_network)
    known(monkeypatch, "dropout", dropout_network)


def coloured_images(count: int, *, seed: int, size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Noise with class 0 reddish, class 1 greenish, class 2 bluish."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = rng.integers(0, 120, size=(count, size, size, 3))
    pixels[np.arange(count), :, :, labels] += 100
    return pixels.astype(np.uint8), labels


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, ...]:
    return *coloured_images(45, seed=0), *coloured_images(12, seed=1)


FAST = Recipe(
    epochs=4,
    batch_size=8,
    learning_rate=0.1,
    momentum=0.9,
    schedule="one_cycle",
    nesterov=True,
    weight_decay=5e-4,
    label_smoothing=0.1,
    average_decay=0.9,
    precision="float32",
)


def run(data, **options):
    settings = {"num_classes": 3, "recipe": RECIPE, "seed": 0, "device": CPU, "network": "tiny"}
    settings["checkpoint_share"] = math.inf
    return train_classifier(*data, **settings | options)


def assert_same(first, second) -> None:
    assert first.best_epoch == second.best_epoch
    assert first.curve.equals(second.curve)
    assert first.state.keys() == second.state.keys()
    for name in first.state:
        assert torch.equal(first.state[name], second.state[name]), name


def test_learns_separable_classes_and_keeps_the_best_epoch(data):
    result = run(data, recipe=replace(RECIPE, epochs=10))
    scores = result.curve["validation_balanced_accuracy"]
    assert scores.max() == 1.0
    assert result.best_epoch == int(scores.idxmax()) + 1  # the first of equals
    network = tiny_network(3)
    network.load_state_dict(result.state)
    assert (predict(network, data[2], batch_size=5).argmax(axis=1) == data[3]).all()


def test_resnet34_overfits_a_tiny_set():
    pixels, labels = coloured_images(12, seed=0, size=32)
    recipe = replace(RECIPE, epochs=6, batch_size=12, learning_rate=0.01)
    result = train_classifier(pixels, labels, pixels, labels, num_classes=3, recipe=recipe, seed=0, device=CPU)
    losses = result.curve["train_loss"].to_numpy()  # batch normalisation's running mean needs more steps than these
    assert losses[0] > 0.9
    assert losses[-1] < 0.1
    assert result.state["fc.weight"].shape == (3, 512)


def test_weights_are_those_of_the_best_epoch_not_the_last(data, monkeypatch):
    scores = iter([0.2, 0.9, 0.9, 0.1])
    monkeypatch.setattr(best_epoch, "balanced_accuracy", lambda *_, **__: next(scores))
    chosen = run(data)
    assert chosen.best_epoch == 2
    # The same run, made to prefer its last epoch: other weights.
    scores = iter([0.1, 0.2, 0.3, 0.4])
    last = run(data)
    assert last.best_epoch == 4
    assert not torch.equal(chosen.state["5.weight"], last.state["5.weight"])
    # And made to stop after the second: the weights chosen above.
    scores = iter([0.2, 0.9, 0.9])
    stopped = run(data, recipe=replace(RECIPE, patience=1))
    assert torch.equal(chosen.state["5.weight"], stopped.state["5.weight"])


def test_patience_counts_epochs_without_a_better_score(data, monkeypatch):
    scores = iter([0.2, 0.5, 0.5, 0.4, 0.9, 0.9])
    monkeypatch.setattr(best_epoch, "balanced_accuracy", lambda *_, **__: next(scores))
    result = run(data, recipe=replace(RECIPE, epochs=6, patience=2))
    assert result.curve["validation_balanced_accuracy"].tolist() == [0.2, 0.5, 0.5, 0.4]
    assert result.best_epoch == 2


def test_same_seed_same_bytes(data, tmp_path):
    before = torch.get_rng_state()
    first, second, other = run(data), run(data), run(data, seed=1)
    assert torch.equal(before, torch.get_rng_state())  # the caller's random numbers are left alone
    assert_same(first, second)
    assert not torch.equal(first.state["5.weight"], other.state["5.weight"])
    for name, result in (("first", first), ("second", second)):
        save_model(result.state, tmp_path / name, network="tiny", num_classes=3)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bits_are_those_of_the_recipe_s_threads_whatever_the_process_has(data, monkeypatch, threads):
    results, before = [], torch.get_num_threads()
    try:
        for here in (1, 2, 4):
            torch.set_num_threads(here)
            monkeypatch.setattr(device, "cores", lambda here=here: here)
            results.append(run(data, recipe=replace(RECIPE, threads=threads)))
            assert torch.get_num_threads() == here
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        assert_same(results[0], result)


def test_predictions_have_the_same_bits_on_any_number_of_cores(monkeypatch):
    pixels, _ = coloured_images(150, seed=3, size=32)
    with seeded(0, CPU):
        network = NETWORKS["resnet34"].build(3)
    made, before = [], torch.get_num_threads()
    try:
        for here in (1, 2, 4):
            torch.set_num_threads(here)
            monkeypatch.setattr(device, "cores", lambda here=here: here)
            made += [predict(network, pixels, batch_size=size, device=CPU).tobytes() for size in (64, 512)]
    finally:
        torch.set_num_threads(before)
    assert len(set(made)) == 1


class Interrupting(nn.Sequential):
    """A network that is interrupted in its n-th training step."""

    steps_left = 0

    def forward(self, pixels):
        if self.training:
            if Interrupting.steps_left == 0:
                raise KeyboardInterrupt
            Interrupting.steps_left -= 1
        return super().forward(pixels)


def interrupted_network(num_classes: int) -> nn.Module:
    return Interrupting(*tiny_network(num_classes))


@pytest.mark.parametrize("steps", [2, 13, 23])  # 6 steps an epoch: within the first, third and fourth epoch
@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, precision="bfloat16"), FAST])
def test_interrupted_and_resumed_run_equals_an_uninterrupted_one(data, tmp_path, steps, recipe):
    whole = run(data, recipe=recipe)
    Interrupting.steps_left = steps
    with pytest.raises(KeyboardInterrupt):
        run(data, recipe=recipe, scratch=tmp_path, network="interrupted")
    Interrupting.steps_left = 24 - steps // 6 * 6  # just enough if finished epochs are not repeated
    resumed = run(data, recipe=recipe, scratch=tmp_path, network="interrupted")
    assert_same(whole, resumed)
    assert Interrupting.steps_left == 0


def dropout_network(num_classes: int) -> nn.Module:
    """Random numbers in the forward pass: dropout of features, and of the whole residual branch (drop path)."""
    return Interrupting(*tiny_network(num_classes)[:-1], nn.Dropout(0.5), StochasticDepth(0.3, "row"), nn.Linear(8, 3))


@pytest.mark.parametrize("recipe", [RECIPE, FAST])
def test_dropout_and_drop_path_resume_with_the_same_bytes(data, tmp_path, recipe):
    Interrupting.steps_left = 24
    whole = run(data, recipe=recipe, network="dropout")
    Interrupting.steps_left = 13
    with pytest.raises(KeyboardInterrupt):
        run(data, recipe=recipe, scratch=tmp_path, network="dropout")
    Interrupting.steps_left = 12
    torch.rand(7)  # the caller's random numbers are at another place by now
    resumed = run(data, recipe=recipe, scratch=tmp_path, network="dropout")
    assert_same(whole, resumed)
    for name, result in (("whole", whole), ("resumed", resumed)):
        save_model(result.state, tmp_path / name, network="tiny", num_classes=3)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()


def test_finished_run_is_not_trained_again(data, tmp_path):
    recipe = replace(RECIPE, patience=1)
    Interrupting.steps_left = 24
    first = run(data, recipe=recipe, scratch=tmp_path, network="interrupted")
    Interrupting.steps_left = 0
    assert_same(first, run(data, recipe=recipe, scratch=tmp_path, network="interrupted"))


def test_checkpoint_serves_only_its_own_run(data, tmp_path):
    run(data, scratch=tmp_path)
    pixels = data[0].copy()
    pixels[0, 0, 0, 0] ^= 1
    for changed in (
        {"seed": 1},
        {"recipe": replace(RECIPE, momentum=0.8)},
        {"data": (pixels, *data[1:])},
        {"data": (data[0], data[1][::-1].copy(), *data[2:])},
    ):
        images = changed.pop("data", data)
        assert_same(run(images, scratch=tmp_path, **changed), run(images, **changed))
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("damage", ["truncate", "garbage", "empty"])
def test_damaged_checkpoint_is_left_unused_with_a_notice(data, tmp_path, capsys, damage):
    whole = run(data, scratch=tmp_path)
    (checkpoint,) = tmp_path.iterdir()
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(
        {"truncate": content[: len(content) // 2], "garbage": b"no checkpoint", "empty": b""}[damage]
    )
    assert_same(whole, run(data, scratch=tmp_path))
    assert "is damaged" in capsys.readouterr().err
    assert checkpoint.read_bytes()[:2] == b"PK"  # replaced by a whole one


def test_learning_rate_is_a_half_cosine_stepped_per_epoch(data):
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=RECIPE.learning_rate)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=RECIPE.epochs)
    expected = []
    for _ in range(RECIPE.epochs):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert run(data).curve["learning_rate"].tolist() == pytest.approx(expected)


def test_one_cycle_is_torch_s_schedule(data):
    steps = 6
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=FAST.learning_rate, total_steps=FAST.epochs * steps, cycle_momentum=False
    )
    expected = []
    for _ in range(FAST.epochs * steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step() if len(expected) < FAST.epochs * steps else None
    rates = [FAST.learning_rate_at(epoch, step, steps) for epoch in range(1, FAST.epochs + 1) for step in range(steps)]
    assert rates == pytest.approx(expected)
    assert run(data, recipe=FAST).curve["learning_rate"].tolist() == pytest.approx(expected[::steps])


@pytest.mark.parametrize("epochs", [1, 2])
def test_one_cycle_of_few_steps_has_rates(epochs):
    rates = [replace(FAST, epochs=epochs).learning_rate_at(epoch, 0, 1) for epoch in range(1, epochs + 1)]
    assert all(0 < rate <= FAST.learning_rate for rate in rates)


def test_fast_recipe_learns_and_keeps_the_average(data):
    result = run(data, recipe=replace(FAST, epochs=10))
    assert result.curve["validation_balanced_accuracy"].max() == 1.0
    plain = run(data, recipe=replace(FAST, epochs=10, average_decay=0.0))
    assert result.curve["train_loss"].equals(plain.curve["train_loss"])  # the average does not steer the training
    assert not torch.equal(result.state["5.weight"], plain.state["5.weight"])


def test_the_average_by_hand():
    network = nn.BatchNorm1d(1)
    average = WeightAverage(network, decay=0.15)
    for value in (10.0, 20.0):
        network.weight.data.fill_(value)
        network.running_mean.fill_(-value)
        average.after_step(None, None)
    # Decays min(0.15, 1/10) and min(0.15, 2/11): 0.1 of 1 and 0.9 of 10, then 0.15 of that and 0.85 of 20.
    assert average.network.weight.item() == pytest.approx(0.15 * 9.1 + 0.85 * 20)
    assert average.network.running_mean.item() == pytest.approx(0.15 * -9.0 + 0.85 * -20)
    assert network.weight.item() == 20


def test_label_smoothing_and_weight_decay_are_applied():
    pixels, labels = coloured_images(6, seed=3)
    recipe = replace(RECIPE, epochs=1, batch_size=6, weight_decay=0.1, label_smoothing=0.2)
    result = run((pixels, labels, pixels, labels), recipe=recipe, seed=5)
    torch.manual_seed(5)
    network = tiny_network(3)
    images = torch.tensor(pixels).permute(0, 3, 1, 2).contiguous() / 255
    logs = network(images).log_softmax(1)
    loss = -(logs * (0.8 * nn.functional.one_hot(torch.tensor(labels), 3) + 0.2 / 3)).sum(1).mean()
    loss.backward()
    assert result.curve["train_loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for name, weight in network.named_parameters():
        expected = weight.detach() - 0.05 * (weight.grad + 0.1 * weight.detach())
        torch.testing.assert_close(result.state[name], expected, rtol=1e-4, atol=1e-6)


def test_checkpoints_are_written_no_more_often_than_asked(data, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(trainer, "save_checkpoint", lambda path, content: written.append(len(content["curve"])))
    run(data, scratch=tmp_path, checkpoint_share=0.0)
    assert written == [1, 4]
    run(data, scratch=tmp_path, checkpoint_share=math.inf)
    assert written[2:] == [1, 2, 3, 4]


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler on the CPU")
@pytest.mark.slow
def test_a_compiled_step_trains_the_same(data):
    compiled, plain = run(data, recipe=replace(RECIPE, compile=True)), run(data)
    np.testing.assert_allclose(compiled.curve["train_loss"], plain.curve["train_loss"], rtol=1e-3)


def test_named_recipes_differ_in_their_schedule():
    numbers = {"epochs": 1, "batch_size": 2, "learning_rate": 0.1, "momentum": 0.9}
    assert named_recipe("course", **numbers).schedule == "cosine"
    assert named_recipe("fast", **numbers, average_decay=0.9).schedule == "one_cycle"


def test_one_step_is_plain_sgd_on_pixels_over_255():
    pixels, labels = coloured_images(6, seed=3)
    recipe = replace(RECIPE, epochs=1, batch_size=6)
    result = train_classifier(
        pixels, labels, pixels, labels, num_classes=3, recipe=recipe, seed=5, device=CPU, network="tiny"
    )
    torch.manual_seed(5)
    network = tiny_network(3)
    images = torch.tensor(pixels).permute(0, 3, 1, 2).contiguous() / 255
    loss = nn.functional.cross_entropy(network(images), torch.tensor(labels))
    loss.backward()
    assert result.curve["train_loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for name, weight in network.named_parameters():
        torch.testing.assert_close(result.state[name], weight.detach() - 0.05 * weight.grad, rtol=1e-4, atol=1e-6)


def test_last_batch_of_one_is_left_out_and_a_partial_one_is_not(data, monkeypatch):
    seen = []

    class Counting(nn.Sequential):
        def forward(self, pixels):
            if self.training:
                seen.append(len(pixels))
            return super().forward(pixels)

    known(monkeypatch, "counting", lambda num_classes: Counting(*tiny_network(num_classes)))
    run((data[0][:17], data[1][:17], *data[2:]), recipe=replace(RECIPE, epochs=1), network="counting")
    assert seen == [8, 8]
    seen.clear()
    run((data[0][:18], data[1][:18], *data[2:]), recipe=replace(RECIPE, epochs=1), network="counting")
    assert seen == [8, 8, 2]


def test_bfloat16_trains_float32_weights(data):
    result = run(data, recipe=replace(RECIPE, precision="bfloat16", epochs=2))
    full = run(data, recipe=replace(RECIPE, epochs=2))
    assert result.state["0.weight"].dtype == torch.float32
    assert not torch.equal(result.state["0.weight"], full.state["0.weight"])
    torch.testing.assert_close(result.state["0.weight"], full.state["0.weight"], rtol=0.1, atol=0.02)


def test_auto_precision_is_bfloat16_only_where_native(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert compute_dtype("auto", CPU) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": False})
    assert compute_dtype("auto", CPU) == torch.float32
    assert compute_dtype("bfloat16", CPU) == torch.bfloat16
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # an older torch
    assert compute_dtype("auto", CPU) == torch.float32


def test_faults_in_the_data_are_named(data):
    pixels, labels, validation_pixels, validation_labels = data
    with pytest.raises(WinnowError, match="validation set holds 0 images"):
        run((pixels, labels, validation_pixels[:0], validation_labels[:0]))
    with pytest.raises(WinnowError, match="training set holds 1 images"):
        run((pixels[:1], labels[:1], validation_pixels, validation_labels))
    with pytest.raises(WinnowError, match=r"labels 0 to 2, but the 2 classes are 0 to 1"):
        run(data, num_classes=2)
    with pytest.raises(ValueError, match="44 labels"):
        run((pixels, labels[:44], validation_pixels, validation_labels))
    with pytest.raises(ValueError, match="uint8"):
        run((pixels.astype(np.float64), labels, validation_pixels, validation_labels))


def test_divergence_is_named(data):
    with pytest.raises(WinnowError, match=r"after epoch \d; lower the recipe's learning_rate"):
        run(data, recipe=replace(RECIPE, learning_rate=1e30))


def test_to_input_is_the_course_totensor():
    pixels = np.random.default_rng(0).integers(0, 256, size=(2, 4, 5, 3), dtype=np.uint8)
    images = to_input(torch.tensor(pixels))
    assert images.shape == (2, 3, 4, 5)
    assert images.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(images.numpy(), pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
