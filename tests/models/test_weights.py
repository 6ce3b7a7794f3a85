"""Weights on disk: what is stored, and the network that is built again from it."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from winnow.errors import WinnowError
from winnow.models.networks import NETWORKS, Network, find_network
from winnow.models.predict import predict
from winnow.models.weights import load_model, save_model

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def network(monkeypatch) -> nn.Module:
    """A linear network called tiny, for 3 classes."""
    record = Network(
        name="tiny",
        construct=lambda num_classes: nn.Sequential(nn.Flatten(), nn.Linear(192, num_classes)),
        input_size=8,
    )
    monkeypatch.setitem(NETWORKS, "tiny", record)
    return record.build(3)


def test_a_saved_network_is_built_again_by_its_own_name_and_predicts_the_same(network, tmp_path):
    path = tmp_path / "deep" / "seed-0.safetensors"
    save_model(network.state_dict(), path, network="tiny", num_classes=3)
    again = load_model(path, num_classes=3)
    expected = predict(network, PIXELS, batch_size=100)
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(predict(again, PIXELS, batch_size=100), expected)
    np.testing.assert_allclose(predict(again, PIXELS, batch_size=5), expected, atol=1e-5)
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["winnow"]) == {"network": "tiny", "num_classes": 3}


@pytest.mark.parametrize("name", ["torchvision:mobilenet_v3_small", "timm:test_resnet"])
def test_a_library_s_network_is_built_again(name, tmp_path):
    network = find_network(name).build(4)
    save_model(network.state_dict(), tmp_path / "weights", network=name, num_classes=4)
    again = load_model(tmp_path / "weights", num_classes=4)
    images = torch.from_numpy(PIXELS).permute(0, 3, 1, 2) / 255
    images = nn.functional.interpolate(images, size=(32, 32))
    torch.testing.assert_close(again(images), network.eval()(images))


def test_a_file_that_names_no_network_is_a_resnet34(tmp_path):
    state = find_network("resnet34").build(2).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "old.safetensors")
    again = load_model(tmp_path / "old.safetensors", num_classes=2)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in state.items())


def test_the_same_weights_are_the_same_bytes(network, tmp_path):
    for name in ("one", "two"):
        save_model(network.state_dict(), tmp_path / name, network="tiny", num_classes=3)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with safe_open(tmp_path / "one", framework="pt") as file:
        assert len(file.metadata()) == 1  # of several, the order would differ from process to process


def test_faulty_files_are_named(network, tmp_path):
    path = tmp_path / "seed-0.safetensors"
    with pytest.raises(WinnowError, match="is missing"):
        load_model(path, num_classes=3)
    path.write_bytes(b"no weights")
    with pytest.raises(WinnowError, match="no safetensors file"):
        load_model(path, num_classes=3)
    save_model(network.state_dict(), path, network="tiny", num_classes=3)
    with pytest.raises(WinnowError, match="holds no tiny with 4 classes"):
        load_model(path, num_classes=4)
