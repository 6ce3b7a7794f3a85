"""Networks by name: which there are, how they are built, and what is said of one that cannot be used."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from winnow.errors import WinnowError
from winnow.models.classifier import train_classifier
from winnow.models.networks import NETWORKS, Network, find_network, list_networks
from winnow.models.recipe import Recipe


def test_resnet34_is_the_course_network():
    network = find_network("resnet34").build(10)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters == 21_289_802  # torchvision's 21,797,672 with 10 outputs for 1,000
    assert math.isclose(float(network.fc.weight.detach().mean()), 0, abs_tol=0.01)


def test_the_project_s_own_networks_are_looked_up_without_any_library():
    program = (
        "import sys\nfrom winnow.models.networks import check_network\ncheck_network('resnet34', image_size=64)\n"
        "assert not {'torch', 'torchvision', 'timm', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_networks_are_listed_by_name_and_pattern():
    names = list_networks()
    assert names == sorted(set(names)) and len(names) > 1000
    assert {"resnet34", "competition", "small", "torchvision:resnet34", "timm:resnet34"} <= set(names)
    assert list_networks("torchvision:mobilenet*") == [
        "torchvision:mobilenet_v2",
        "torchvision:mobilenet_v3_large",
        "torchvision:mobilenet_v3_small",
    ]


@pytest.mark.parametrize("name", ["torchvision:mobilenet_v3_small", "torchvision:googlenet", "timm:test_resnet"])
def test_libraries_networks_have_the_classes_asked_for_and_their_own_normalisation(name):
    record = find_network(name)
    network = record.build(3).train()
    images = torch.rand(2, 3, 64, 64)
    torch.manual_seed(0)
    logits = network(images)
    assert logits.shape == (2, 3)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (record.mean, record.std))
    torch.manual_seed(0)  # dropout
    torch.testing.assert_close(network.network((images - mean) / std), logits, rtol=1e-3, atol=1e-4)
    record.check_image_size(network, 64, 64)


def test_preprocessing_is_that_of_the_published_weights():
    assert find_network("torchvision:resnet18").mean == (0.485, 0.456, 0.406)
    assert find_network("timm:mobilenetv3_small_100").input_size == 224
    assert find_network("resnet34").mean is None


@pytest.mark.parametrize(
    "name, words",
    [
        ("resnet43", r"train\.network is 'resnet43', which winnow does not know; did you mean resnet34"),
        ("torchvision:resnet33", r"did you mean torchvision:resnet34"),
        ("timm:reznet18", r"did you mean timm:resnet18"),
        ("timm:resnet18.a9_in1k", r"did you mean timm:resnet18"),
        ("keras:something", r"which winnow does not know"),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest_ones(name, words):
    with pytest.raises(WinnowError, match=words):
        find_network(name)


def test_a_network_of_another_image_size_says_which_it_was_designed_for():
    pixels = np.zeros((4, 32, 32, 3), dtype=np.uint8)
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.1, momentum=0.9)
    with pytest.raises(WinnowError, match=r"takes no images of 32 x 32 pixels .* designed for 160 x 160: name another"):
        train_classifier(
            pixels,
            np.zeros(4, int),
            pixels,
            np.zeros(4, int),
            num_classes=2,
            recipe=recipe,
            seed=0,
            network="timm:test_vit_relpos",
        )


def test_a_network_of_the_project_s_own_is_a_line_in_the_registry(monkeypatch):
    record = Network(
        name="linear",
        construct=lambda num_classes: nn.Sequential(nn.Flatten(), nn.Linear(12, num_classes)),
        input_size=2,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )
    monkeypatch.setitem(NETWORKS, "linear", record)
    network = find_network("linear").build(5)
    grey = torch.full((1, 3, 2, 2), 0.5)
    torch.testing.assert_close(network(grey)[0], network.network[1].bias)
    assert "linear" in list_networks()
