"""The competition's network against what Keras computed, and its shrinking by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import keras_pattern
from winnow.models.competition import CompetitionNetwork, shrink
from winnow.models.networks import find_network
from winnow.models.predict import to_input
from winnow.models.recipe import named_recipe


@pytest.fixture(scope="module")
def keras() -> dict[str, np.ndarray]:
    return dict(np.load(Path(__file__).parent / "keras/fixture.npz"))


def with_weights_of_the_pattern() -> CompetitionNetwork:
    network, weights = CompetitionNetwork(10), keras_pattern.weights()
    modules = {"conv1": (network.stem[0], network.stem[1])}
    for index, block in enumerate(network.blocks, 1):
        residual = block.residual
        modules |= {
            f"conv2_block{index}_{part}": (residual[3 * part - 3], residual[3 * part - 2]) for part in (1, 2, 3)
        }
        if len(block.shortcut):
            modules[f"conv2_block{index}_0"] = (block.shortcut[0], block.shortcut[1])
    assert set(modules) == set(keras_pattern.CONVOLUTIONS)
    for name, (convolution, normalisation) in modules.items():
        kernel, bias = weights[f"{name}_conv"]
        convolution.load_state_dict({"weight": torch.tensor(kernel).permute(3, 2, 0, 1), "bias": torch.tensor(bias)})
        names = ("weight", "bias", "running_mean", "running_var")
        state = {key: torch.tensor(array) for key, array in zip(names, weights[f"{name}_bn"], strict=True)}
        normalisation.load_state_dict(state | {"num_batches_tracked": torch.tensor(0)})
    kernel, bias = weights["dense"]
    network.classifier.load_state_dict({"weight": torch.tensor(kernel).T, "bias": torch.tensor(bias)})
    return network


def images() -> torch.Tensor:
    return torch.tensor(keras_pattern.images()).permute(0, 3, 1, 2) / 255


def test_it_has_the_parameters_of_the_competition_s_network(keras):
    network = find_network("competition").build(10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 229_386 == keras["parameters"]
    statistics = [value for name, value in network.named_buffers() if "running" in name]
    assert sum(value.numel() for value in statistics) == 2_944


def test_its_logits_are_those_of_keras(keras):
    with torch.inference_mode():
        logits = with_weights_of_the_pattern().eval()(images())
    np.testing.assert_allclose(logits.numpy(), keras["logits"], atol=1e-4)


def test_five_steps_of_training_lead_where_keras_led(keras):
    network, recipe = (
        with_weights_of_the_pattern().train(),
        named_recipe("competition", epochs=1, batch_size=8, learning_rate=1e-4),
    )
    optimizer, labels = recipe.optimizer_of(network, torch.device("cpu")), torch.tensor(keras_pattern.LABELS)
    losses = []
    for _ in range(5):
        loss = cross_entropy(network(images()), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(losses, keras["losses"], rtol=2e-3)
    with torch.inference_mode():  # the running statistics too, which a momentum of 0.1 would move ten times as far
        logits = network.eval()(images())
    np.testing.assert_allclose(logits.numpy(), keras["logits_after"], atol=5e-3)


def test_kernels_start_glorot_uniform_and_biases_at_zero():
    torch.manual_seed(0)
    for module in CompetitionNetwork(10).modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            outputs, inputs = module.weight.shape[:2]
            limit = (6 / (module.weight[0, 0].numel() * (inputs + outputs))) ** 0.5
            assert not module.bias.any()
            assert 0.95 * limit < module.weight.abs().max() <= limit


def test_images_shrink_as_tensorflow_shrinks_them(keras):
    np.testing.assert_allclose(shrink(keras_pattern.ramp()), keras["shrunk"], atol=1e-3)


def test_shrinking_looks_between_two_pixels_and_nowhere_else():
    # 96 to 32 pixels: the centre of each third pixel is the centre of one of the large image, its neighbours are lost.
    stroke = np.full((96, 96, 3), 255, dtype=np.uint8)
    stroke[:, 30] = 0
    assert (shrink(stroke) == 255).all()
    stroke[:, 31] = 0
    assert (shrink(stroke)[:, 10] == 0).all()
    # 3 x 5 to 32 x 32: half-pixel centres, edges held.
    ramp = np.repeat(np.arange(0, 150, 10, dtype=np.uint8).reshape(3, 5, 1), 3, axis=2)
    for position, (row, column) in {"first": (0, 0), "last": (31, 31), "middle": (10, 20)}.items():
        down, right = np.clip((row + 0.5) * 3 / 32 - 0.5, 0, 2), np.clip((column + 0.5) * 5 / 32 - 0.5, 0, 4)
        np.testing.assert_allclose(shrink(ramp)[row, column], 50 * down + 10 * right, rtol=1e-5, err_msg=position)


def test_large_images_and_shrunk_ones_get_the_same_logits():
    torch.manual_seed(0)
    network = CompetitionNetwork(4).eval()
    large = keras_pattern.ramp()
    with torch.inference_mode():
        direct = network(to_input(torch.tensor(large)[None]))
        before = network(to_input(torch.tensor(shrink(large))[None]))
    torch.testing.assert_close(direct, before, atol=1e-4, rtol=1e-4)
