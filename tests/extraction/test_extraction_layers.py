"""Features of any layer of any network, whatever it puts out."""

import collections
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from winnow.errors import WinnowError
from winnow.extraction.extract import extract, layer_features
from winnow.extraction.filter_bank import filter_bank
from winnow.extraction.layers import list_layers
from winnow.extraction.loading import load_model
from winnow.extraction.model import Model, Square
from winnow.extraction.pooling import pooled
from winnow.extraction.ready import read_features
from winnow.extraction.taps import tap
from winnow.params.model_string import parse


class Net(nn.Module):
    """Layers of every kind of output, one called twice, one never, and one whose first axis is not the image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.pyramid = Pyramid()
        self.twice = nn.ReLU()
        self.never = nn.Linear(2, 2)
        self.pairs = Halves()
        self.proposals = Proposals()
        self.head = nn.Linear(4, 5)

    def forward(self, images):
        maps = self.twice(self.conv(images))
        levels = self.pyramid(maps)
        self.twice(levels["half"])
        self.pairs(maps)
        self.proposals(maps)
        return self.head(maps.mean(dim=(2, 3)))


class Pyramid(nn.Module):
    def forward(self, maps):
        return collections.OrderedDict(full=maps, half=nn.functional.avg_pool2d(maps, 2))


class Halves(nn.Module):
    def forward(self, maps):
        return maps[:, :2], [maps[:, 2:], maps.mean(dim=(1, 2, 3))]


class Proposals(nn.Module):
    def forward(self, maps):
        return maps.repeat(3, 1, 1, 1)


def model(network=None):
    torch.manual_seed(0)
    return Model(network or Net(), Square(size=12))


def pictures(count=4, *, seed=0):
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 256, size=(20, 16, 3), dtype=np.uint8)) for _ in range(count)]


def features(layer, *, pool="mean", network=None, count=4):
    return layer_features(model(network), layer=layer, pool=pool)(pictures(count))


@pytest.mark.parametrize(
    ("layer", "width"), [("conv", 4), ("pyramid", 8), ("twice", 8), ("pairs", 5), ("auto", 4), ("head", 5)]
)
def test_every_kind_of_output_gives_a_vector_per_image(layer, width):
    found = features(layer)
    assert found.shape == (4, width) and np.isfinite(found).all()
    np.testing.assert_allclose(found[:2], features(layer, count=2), rtol=1e-5)  # whatever else is in the batch


def test_a_map_is_pooled_over_its_places():
    maps = torch.arange(16.0).view(1, 2, 2, 4)[:, :, :, :2].contiguous()
    assert pooled([maps], images=1, pool="mean", layer="x").tolist() == [[2.5, 10.5]]
    assert pooled([maps], images=1, pool="max", layer="x").tolist() == [[5.0, 13.0]]
    assert pooled([maps], images=1, pool="flatten", layer="x").shape == (1, 8)


def test_channels_that_come_last_are_seen():
    maps = torch.rand(2, 7, 7, 9)
    torch.testing.assert_close(pooled([maps], images=2, pool="mean", layer="x"), maps.mean(dim=(1, 2)))
    tokens = torch.rand(2, 5, 9)
    torch.testing.assert_close(pooled([tokens], images=2, pool="mean", layer="x"), tokens.mean(dim=1))


def test_flattened_maps_are_projected_and_keep_their_inner_products():
    torch.manual_seed(0)
    maps = torch.randn(6, 20, 40, 40)
    sketch = pooled([maps], images=6, pool="flatten", layer="x")
    assert sketch.shape == (6, 1024)
    exact, kept = maps.flatten(1) @ maps.flatten(1).T, sketch @ sketch.T
    assert (exact - kept).abs().max() < 0.15 * exact.diagonal().mean()


def test_auto_is_what_enters_the_last_linear_layer():
    torch.manual_seed(0)
    network = Net()
    batch = torch.stack([Square(size=12)(image) for image in pictures()])
    expected = network.eval().conv(batch).relu().mean(dim=(2, 3)).detach()
    np.testing.assert_allclose(features("auto", network=network), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "words"),
    [("never", "was not called"), ("proposals", "first axis is not the image"), ("con", "the nearest are conv")],
)
def test_what_gives_no_vector_per_image_is_refused_with_a_way_out(layer, words):
    with pytest.raises(WinnowError, match=words):
        features(layer)


def test_the_network_is_left_as_it_was_found_also_after_an_error():
    network = Net().train()
    network.conv.eval()
    with pytest.raises(RuntimeError), tap(network, "conv"):
        raise RuntimeError
    assert network.training and not network.conv.training and network.head.training
    assert not network.conv._forward_hooks


def test_layers_are_listed_with_calls_and_shapes():
    found = {layer.name: layer for layer in list_layers(model())}
    assert found["conv"].output == "1x4x10x10" and found["conv"].kind == "Conv2d"
    assert found["pyramid"].output == "full: 1x4x10x10, half: 1x4x5x5"
    assert (found["twice"].calls, found["never"].calls, found["never"].output) == (2, 0, "never called")


def test_a_network_without_a_linear_layer_has_no_auto():
    with pytest.raises(WinnowError, match="no linear layer"):
        features("auto", network=nn.Sequential(nn.Conv2d(3, 2, 3)))


def test_features_go_on_after_a_kill_with_the_same_bytes(tmp_path):
    ids = [f"{i}.png" for i in range(10)]
    images = pictures(10)
    encode = layer_features(model(), layer="conv", pool="mean")
    read = []

    def images_from(start):
        for row in range(start, 10):
            read.append(row)
            yield ids[row], images[row]

    def killed(start):
        for row, item in enumerate(images_from(start)):
            if row == 7:
                raise KeyboardInterrupt
            yield item

    options = {"settings": {"layer": "conv"}, "batch_size": 3}
    extract(encode, ids, images_from, tmp_path / "whole.npy", **options)
    with pytest.raises(KeyboardInterrupt):
        extract(encode, ids, killed, tmp_path / "features.npy", **options)
    read.clear()
    extract(encode, ids, images_from, tmp_path / "features.npy", **options)
    assert read[0] == 6
    assert (tmp_path / "features.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    read.clear()
    extract(encode, ids, images_from, tmp_path / "features.npy", **options)
    assert not read  # done, in a run that was killed later on
    extract(encode, ids, images_from, tmp_path / "features.npy", settings={"layer": "other"}, batch_size=3)
    extract(encode, ids, images_from, tmp_path / "features.npy", **options)
    assert len(read) == 20  # what lay there was of other settings
    assert not list(tmp_path.glob(".*.part"))
    assert np.load(tmp_path / "features.npy").dtype == np.float16


def test_features_that_half_precision_cannot_hold_are_refused(tmp_path):
    encode = lambda images: np.full((len(images), 2), 1e6)  # noqa: E731
    with pytest.raises(WinnowError, match="more than half precision holds"):
        extract(encode, ["a"], lambda start: [("a", pictures(1)[0])], tmp_path / "f.npy", settings={}, batch_size=1)


def test_the_filter_bank_needs_no_weights_and_tells_pictures_apart():
    one, two = features("flat", network=filter_bank()), features("flat", network=filter_bank())
    np.testing.assert_array_equal(one, two)
    assert one.shape == (4, 192) and np.linalg.norm(one[0] - one[1]) > 0


def test_model_strings():
    assert parse("torch:a.b:c") == ("torch", "a.b:c")
    with pytest.raises(WinnowError, match="begin it with timm:"):
        parse("resnet18")
    with pytest.raises(WinnowError, match="cannot be had"):
        load_model("torch:winnow.nowhere:make")
    with pytest.raises(WinnowError, match="did you mean resnet18"):
        load_model("torchvision:resnet1", weights="untrained")


def test_a_factory_of_an_installed_package_with_weights(tmp_path):
    torch.manual_seed(1)
    network = nn.Linear(3, 2)
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}}, tmp_path / "w"
    )
    arguments = {"in_features": 3, "out_features": 2}
    loaded = load_model("torch:torch.nn:Linear", weights=str(tmp_path / "w"), arguments=arguments)
    torch.testing.assert_close(loaded.network.weight, network.weight)
    assert (
        loaded.fingerprint["weights_sha256"]
        != load_model("torch:torch.nn:Linear", arguments=arguments).fingerprint["weights_sha256"]
    )
    with pytest.raises(WinnowError, match="do not fit the network"):
        load_model(
            "torch:torch.nn:Linear", weights=str(tmp_path / "w"), arguments={"in_features": 4, "out_features": 2}
        )


def test_a_pickled_model_is_read_only_where_it_is_trusted(tmp_path):
    torch.save(nn.Linear(3, 2), tmp_path / "whole.pt")
    options = {"weights": str(tmp_path / "whole.pt"), "arguments": {"in_features": 3, "out_features": 2}}
    with pytest.raises(WinnowError, match="trust: true"):
        load_model("torch:torch.nn:Linear", **options)
    assert isinstance(load_model("torch:torch.nn:Linear", **options, trust=True).network, nn.Linear)


SCRIPT = """
import torch
from torch import nn
from helper import SIZE

def get_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 4), nn.Linear(4, 2))

def preprocess(image):
    return torch.full((3, SIZE, SIZE), float(image.size[0]))
"""


def test_a_script_runs_only_where_it_is_trusted(tmp_path):
    (tmp_path / "helper.py").write_text("SIZE = 5\n")
    (tmp_path / "net.py").write_text(SCRIPT)
    with pytest.raises(WinnowError, match="set trust: true"):
        load_model(f"script:{tmp_path / 'net.py'}")
    loaded = load_model(f"script:{tmp_path / 'net.py'}", trust=True)
    found = layer_features(loaded, layer="auto", pool="mean")(pictures(2))
    assert found.shape == (2, 4)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)  # two pictures of one size; some processors sum otherwise


def test_an_untrained_network_is_the_same_in_every_process_and_leaves_the_callers_random_numbers_alone():
    before = torch.get_rng_state()
    own = load_model("timm:test_resnet", weights="untrained").fingerprint["weights_sha256"]
    torch.testing.assert_close(torch.get_rng_state(), before)
    code = (
        "import torch; from winnow.extraction.loading import load_model; torch.rand(3); "
        "print(load_model('timm:test_resnet', weights='untrained').fingerprint['weights_sha256'])"
    )
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert other.strip() == own


def test_a_detector_of_torchvision_takes_images_of_any_size():
    loaded = load_model("torchvision:ssdlite320_mobilenet_v3_large", weights="untrained")
    images = [Image.new("RGB", (40, 30), (200, 0, 0)), Image.new("RGB", (30, 50))]
    assert layer_features(loaded, layer="backbone", pool="mean")(images).shape == (2, 672 + 480 + 512 + 256 + 256 + 128)


def test_features_of_a_detector_do_not_depend_on_the_images_beside_it():
    sizes = {"min_size": 32, "max_size": 128}
    loaded = load_model("torchvision:fasterrcnn_mobilenet_v3_large_320_fpn", weights="untrained", arguments=sizes)
    rng = np.random.default_rng(0)
    wide, high = (Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in ((32, 96), (96, 32)))
    encode = layer_features(loaded, layer="backbone", pool="mean")
    np.testing.assert_array_equal(encode([wide, high]), np.concatenate([encode([wide]), encode([high])]))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 1e300])
def test_ready_features_that_are_not_finite_are_refused_by_name(value, tmp_path):
    np.savez(tmp_path / "f.npz", image_id=np.array(["a", "b"]), features=np.array([[1.0, 2.0], [1.0, value]]))
    with pytest.raises(WinnowError, match=r"f\.npz holds features of 'b' that are missing, infinite or too large"):
        read_features(tmp_path / "f.npz", np.array(["a", "b"]))
    assert read_features(tmp_path / "f.npz", np.array(["a"])).tolist() == [[1, 2]]


def test_ready_features_are_joined_by_id(tmp_path):
    ids, values = np.array(["a", "b", "c"]), np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(tmp_path / "f.npz", image_id=ids, features=values)
    (tmp_path / "f.csv").write_text("image_id,x,y\nc,4,5\na,0,1\nb,2,3\n")
    for name in ("f.npz", "f.csv"):
        assert read_features(tmp_path / name, np.array(["b", "a"])).tolist() == [[2, 3], [0, 1]]
    with pytest.raises(WinnowError):
        read_features(tmp_path / "f.npz", np.array(["z"]))


THESIS = """
from abc import ABC, abstractmethod
from torch import nn

class FilterableInterface(ABC):
    @abstractmethod
    def get_model(self): ...
    @abstractmethod
    def get_filterable_dataset(self): ...

class Mine(FilterableInterface):
    def get_model(self):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.Linear(4, 2)).eval()
    def get_filterable_dataset(self):
        raise RuntimeError("the images come from the dataset of the pipeline")
"""


def test_the_interface_of_the_thesis_gives_its_network(tmp_path):
    (tmp_path / "mine.py").write_text(THESIS.replace("LazyLinear(4)", "Linear(3 * 224 * 224, 4)"))
    loaded = load_model(f"script:{tmp_path / 'mine.py'}", trust=True)
    assert layer_features(loaded, layer="1", pool="mean")(pictures(2)).shape == (2, 4)
