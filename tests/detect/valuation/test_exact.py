"""The exact influence of a real training's images, against trainings with other weights and without an image."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from torch import nn
from torch.nn.functional import cross_entropy

from stopped import stop_in
from winnow.detect.valuation import exact
from winnow.detect.valuation.exact import exact_influence
from winnow.detect.valuation.hydra import value_checkpoints
from winnow.detect.valuation.trajectory import Followed, follow
from winnow.detect.valuation.values import value_images
from winnow.device import seeded
from winnow.errors import WinnowError
from winnow.models import trainer
from winnow.models.networks import NETWORKS, Network, find_network
from winnow.models.order import DrawnOrder
from winnow.models.predict import to_input
from winnow.models.recipe import Recipe
from winnow.models.small_resnet import SmallResNet

CPU = torch.device("cpu")
RECIPE = Recipe(
    epochs=3, batch_size=13, learning_rate=0.05, momentum=0.9, weight_decay=0.05, schedule="one_cycle",
    precision="float32",
)  # fmt: skip


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    """A residual network, and one that draws random numbers while it is trained; both normalise batches."""

    def residual(num_classes: int) -> nn.Module:
        return SmallResNet(width=4, num_classes=num_classes)

    def dropout(num_classes: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.Dropout(0.3),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Linear(54, num_classes),
        )

    for name, construct in {"residual": residual, "dropout": dropout}.items():
        monkeypatch.setitem(NETWORKS, name, Network(name=name, construct=construct, input_size=12))


class Planted:
    """Dark, middle and bright squares in noise, of which every eighth has a wrong label; and a clean reference."""

    def __init__(self, images: int = 40) -> None:
        rng = np.random.default_rng(3)
        true = np.arange(images + 15) % 3
        pixels = rng.normal(np.array([90, 125, 160])[true][:, None, None, None], 40, (len(true), 12, 12, 3))
        pixels = pixels.clip(0, 255).astype(np.uint8)
        self.wrong = np.arange(images) % 8 == 4
        self.pixels, self.labels = pixels[:images], np.where(self.wrong, (true[:images] + 1) % 3, true[:images])
        self.reference = pixels[images:], true[images:]

    def followed(self, folder, *, network="residual", recipe=RECIPE, scratch=None):
        return follow(
            self.pixels, self.labels, num_classes=3, network=network, recipe=recipe, checkpoints=range(recipe.epochs),
            recalibration_images=64, seed=0, scratch=scratch, epoch_states=folder, device=CPU,
        )  # fmt: skip

    def exact(self, trajectory, folder, *, network="residual", recipe=RECIPE):
        followed = Followed(find_network(network).build(3), trajectory, self.pixels, self.labels, *self.reference)
        return exact_influence(followed, recipe=recipe, seed=0, epoch_states=folder, device=CPU)

    def trained_with(self, weights, trajectory, *, network="residual", recipe=RECIPE) -> float:
        """The reference loss after a plain training in float64: of the code under test, only the statistics."""
        images, labels = to_input(torch.tensor(self.pixels)).double(), torch.tensor(self.labels)
        order = DrawnOrder(len(labels), batch_size=recipe.batch_size, seed=0, device=CPU)
        with seeded(0, CPU):
            module = find_network(network).build(3).double().to(memory_format=torch.channels_last)
            sgd = torch.optim.SGD(module.parameters(), momentum=recipe.momentum, weight_decay=recipe.weight_decay)
            for epoch in range(1, recipe.epochs + 1):
                batches = order.batches(epoch)
                for step, batch in enumerate(batches):
                    sgd.param_groups[0]["lr"] = recipe.learning_rate_at(epoch, step, len(batches))
                    sgd.zero_grad()
                    losses = cross_entropy(module(images[batch]), labels[batch], reduction="none")
                    (losses * weights[batch]).mean().backward()
                    sgd.step()
        statistics = {name: value for name, value in trajectory.final.items() if "running" in name}
        module.load_state_dict(statistics, strict=False)
        pixels, true = self.reference
        with torch.no_grad():
            return cross_entropy(module.eval()(to_input(torch.tensor(pixels)).double()), torch.tensor(true)).item()


PLAIN = replace(RECIPE, momentum=0.0, weight_decay=0.0, schedule="cosine")


@pytest.mark.parametrize(
    ("network", "recipe"),
    [("residual", RECIPE), ("residual", PLAIN), ("dropout", RECIPE)],
    ids=["momentum", "plain", "random"],
)
def test_it_is_the_derivative_that_finite_differences_of_the_training_show(tmp_path, network, recipe):
    planted, step = Planted(), 1e-5
    trajectory = planted.followed(tmp_path, network=network, recipe=recipe)
    found = planted.exact(trajectory, tmp_path, network=network, recipe=recipe)
    assert found.dtype == np.float64 and found.shape == (40,)
    for row in (0, 4, 21, 39):
        weights = torch.ones(40, dtype=torch.float64)
        losses = []
        for change in (step, -step):
            weights[row] = 1 + change
            losses.append(planted.trained_with(weights, trajectory, network=network, recipe=recipe))
        expected = (losses[0] - losses[1]) / (2 * step)
        assert found[row] == pytest.approx(expected, rel=1e-4, abs=3e-5 * np.abs(found).max()), row


def test_it_foretells_training_without_an_image_better_than_hydra_and_wrong_labels_harm(tmp_path):
    planted, recipe = Planted(), replace(RECIPE, learning_rate=0.01)
    trajectory = planted.followed(tmp_path, recipe=recipe)
    found = planted.exact(trajectory, tmp_path, recipe=recipe)
    followed = Followed(
        find_network("residual").build(3), trajectory, planted.pixels, planted.labels, *planted.reference
    )
    hydra = value_checkpoints(followed, device=CPU).influence.mean(axis=1)
    weights = [torch.ones(40, dtype=torch.float64), *(1 - torch.eye(40, dtype=torch.float64))]
    whole, *without = (planted.trained_with(each, trajectory, recipe=recipe) for each in weights)
    harm = whole - np.array(without)
    of_exact, of_hydra = (pearsonr(value, harm).statistic for value in (found, hydra))
    assert of_exact > 0.75 and of_exact > of_hydra + 0.2  # measured: 0.85 and 0.44
    assert found[planted.wrong].mean() > 0 > found[~planted.wrong].mean()


def test_an_image_in_no_batch_is_worth_exactly_nothing(tmp_path):
    planted = Planted(27)  # batches of 13: the last image of an epoch would be a batch of its own, and is left out
    recipe = replace(RECIPE, epochs=1)
    trajectory = planted.followed(tmp_path, recipe=recipe)
    found = planted.exact(trajectory, tmp_path, recipe=recipe)
    out = trajectory.step_weights[0] == 0
    assert out.sum() == 1 and found[out] == 0 and (found[~out] != 0).all()


@pytest.mark.parametrize("killed_at", ["training", "way back", "within an epoch"])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch, killed_at):
    planted = Planted()

    def run(folder):
        return planted.exact(planted.followed(folder, scratch=folder, network="dropout"), folder, network="dropout")

    straight = run(tmp_path / "straight")
    module, name, after = {
        "training": (trainer, "_train_epoch", 2),
        "way back": (exact, "_back_through", 1),
        "within an epoch": (exact, "losses_of", 5),  # of 4 steps each
    }[killed_at]
    go_on = stop_in(monkeypatch, module, name, after=after)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed")
    calls = go_on()
    resumed = run(tmp_path / "killed")
    assert len(calls) <= {"training": 2, "way back": 2, "within an epoch": 8}[killed_at]
    assert np.array_equal(resumed, straight)


def test_what_was_kept_is_of_the_same_reference(tmp_path):
    planted, other = Planted(), Planted()
    trajectory = planted.followed(tmp_path)
    first = planted.exact(trajectory, tmp_path)
    other.reference = planted.reference[0][3:], planted.reference[1][3:]
    assert not np.array_equal(other.exact(trajectory, tmp_path), first)
    assert np.array_equal(planted.exact(trajectory, tmp_path), first)


def test_states_of_another_training_are_noticed(tmp_path):
    planted = Planted()
    trajectory = planted.followed(tmp_path)
    first, second, last = (tmp_path / f"{trajectory.key}-epoch-{epoch}.pt" for epoch in (1, 2, 3))
    last.write_bytes(first.read_bytes())
    with pytest.raises(
        WinnowError, match=r"epoch 3 of the followed training, trained again, ends .* away from where it did"
    ):
        planted.exact(trajectory, tmp_path)
    second.unlink()
    with pytest.raises(WinnowError, match=r"epoch-2.pt is missing or damaged; delete the folder"):
        planted.exact(trajectory, tmp_path)


def test_the_table_has_it_on_request_alone_and_nothing_else_changes(tmp_path):
    planted = Planted()

    def table(*, exact, scratch=None, seeds=(0, 1)):
        return value_images(
            np.arange(40).astype(str), planted.pixels, planted.labels, *planted.reference, num_classes=3,
            network="residual", recipe=RECIPE, checkpoints=(0, 1, 2), recalibration_images=64, seeds=seeds, exact=exact,
            scratch=scratch, device=CPU,
        )  # fmt: skip

    without, with_it = table(exact=False, scratch=tmp_path), table(exact=True, scratch=tmp_path)
    name = "exact_influence"
    assert without[name].dtype == np.float64 and without[name].isna().all()
    assert without.drop(columns=name).equals(with_it.drop(columns=name)) and list(without) == list(with_it)
    first, second = (table(exact=True, seeds=[seed])[name] for seed in (0, 1))
    np.testing.assert_allclose(with_it[name], (first + second) / 2, rtol=1e-12)
    assert np.array_equal(first, planted.exact(planted.followed(tmp_path), tmp_path))
