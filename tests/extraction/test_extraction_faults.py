"""What is wrong with a model string, its arguments, its weights or the network's own code is one sentence."""

import subprocess
import sys
import urllib.error

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from torch import nn

from winnow.errors import WinnowError
from winnow.extraction.extract import layer_features
from winnow.extraction.layers import list_layers
from winnow.extraction.loading import load_model
from winnow.extraction.model import Model, Square
from winnow.params.model_string import KINDS, parse

IMAGE = Image.new("RGB", (20, 16))
LINEAR = {"in_features": 3, "out_features": 2}


class Raising(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error, self.head = error, nn.Linear(2, 2)

    def forward(self, images):
        raise self.error


def script(folder, text, **options):
    (folder / "mine.py").write_text(f"import torch\nfrom torch import nn\n{text}\n")
    return load_model(f"script:{folder / 'mine.py'}", trust=True, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_without_a_name_is_told_what_is_missing(kind):
    for model in (kind, f"{kind}:", f"{kind}: "):
        with pytest.raises(WinnowError, match=f"lacks what belongs behind its kind; write {kind}:<"):
            parse(model)


def test_a_model_string_is_checked_without_importing_torch():
    code = "import sys, winnow.params.model_string; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("weights", ["untrained", None])
@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("timm:resnet18", {"foo": 1}),
        ("timm:resnet18", {"num_classes": "x"}),
        ("timm:resnet18", {"pretrained": True}),
        ("torchvision:resnet18", {"foo": 1}),
        ("torchvision:resnet18", {"num_classes": "x"}),
        ("torchvision:resnet18", {"num_classes": -1}),
        ("torchvision:resnet18", {"weights": "DEFAULT"}),
    ],
)
def test_arguments_that_a_library_does_not_take_are_named(model, arguments, weights):
    with pytest.raises(WinnowError, match=r"resnet18 does not take these arguments \(.+\); fix arguments\.$"):
        load_model(model, arguments=arguments, weights=weights)


@pytest.mark.parametrize("arguments", [{}, {"num_classes": 3}])
@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_weights_that_cannot_be_downloaded_are_not_blamed_on_the_arguments(library, arguments, monkeypatch):
    where, name = {"timm": (timm, "create_model"), "torchvision": (torchvision.models, "get_model")}[library]

    def offline(name, *, pretrained=False, weights=None, **arguments):
        if pretrained or weights:
            raise urllib.error.URLError("no route to host")
        return nn.Linear(2, 2)

    monkeypatch.setattr(where, name, offline)
    with pytest.raises(WinnowError, match=r"could not be had.*no route to host.*connect once"):
        load_model(f"{library}:resnet18", arguments=arguments)


def test_a_factory_that_lacks_an_argument_says_which():
    with pytest.raises(WinnowError, match=r"does not take these arguments \(.*in_features.*\); fix arguments"):
        load_model("torch:torch.nn:Linear")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def get_model():\n    1 / 0", r"mine\.py: get_model\(\) fails: ZeroDivisionError: division by zero; correct"),
        ("def get_model():\n    1 + 'a'", r"get_model\(\) fails: TypeError: unsupported operand"),
        ("def get_model(size): ...", r"does not take these arguments \(.*size"),
        ("1 / 0", r"mine\.py fails: ZeroDivisionError: division by zero; correct"),
        (
            "class Mine:\n    get_filterable_dataset = None\n    def __init__(self):\n        1 / 0",
            r"mine\.py: Mine\(\) fails: ZeroDivisionError",
        ),
        ("def get_model():\n    return nn.LazyLinear(2)", "layers without a size"),
    ],
)
def test_a_script_that_fails_is_named_with_its_error(tmp_path, text, words):
    with pytest.raises(WinnowError, match=words):
        script(tmp_path, text)


def test_a_module_that_fails_as_it_is_imported_cannot_be_had(tmp_path, monkeypatch):
    (tmp_path / "failing_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WinnowError, match=r"cannot be had \(division by zero\)"):
        load_model("torch:failing_module:make")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 'a'", r"mine\.py: preprocess\(\) fails: TypeError: .*; return the \(3, H, W\) float32 tensor"),
        ("1 / 0", r"preprocess\(\) fails: ZeroDivisionError"),
        ("return torch.zeros(3, 4, 4).double()", "the network fails on images of 3x4x4: RuntimeError"),
    ],
)
def test_a_preprocess_that_fails_is_named_with_its_error(tmp_path, body, words):
    get_model = "def get_model():\n    return nn.Sequential(nn.Flatten(), nn.Linear(48, 2))\n"
    loaded = script(tmp_path, f"{get_model}def preprocess(image):\n    {body}")
    with pytest.raises(WinnowError, match=words):
        list_layers(loaded)
    with pytest.raises(WinnowError, match=words):
        layer_features(loaded, layer="auto", pool="mean")([IMAGE])


def test_a_network_that_takes_no_image_is_told_what_it_was_given():
    loaded = load_model("torch:torch.nn:Linear", arguments=LINEAR)
    with pytest.raises(WinnowError, match=r"the network fails on images of 3x224x224: RuntimeError: .*\); name one"):
        list_layers(loaded)


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        WinnowError("a sentence of its own."),
    ],
)
def test_what_is_no_fault_of_the_network_passes_as_it_is(error):
    with pytest.raises(type(error)) as raised:
        list_layers(Model(Raising(error), Square(size=8)))
    assert raised.value is error


def test_a_defect_of_winnow_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("winnow.extraction.extract.pooled", lambda *_, **__: 1 / 0)
    loaded = load_model("torch:winnow.extraction.filter_bank:filter_bank")
    with pytest.raises(ZeroDivisionError):
        layer_features(loaded, layer="flat", pool="mean")([IMAGE])


def test_auto_sees_what_a_linear_layer_is_given_by_keyword(tmp_path):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, images):
            return self.head(input=images.mean(dim=(2, 3)))

    assert layer_features(Model(Named(), Square(size=8)), layer="auto", pool="mean")([IMAGE]).shape == (1, 3)


def no_weights(folder):
    Image.new("RGB", (9, 9)).save(folder / "a.jpg")
    (folder / "a.csv").write_text("image_id,x\na,1\n")
    (folder / "a.safetensors").write_text("image_id,x\n" * 9)
    np.savez(folder / "a.zip.npz", x=np.zeros(3))
    torch.save(nn.Linear(3, 2).state_dict(), folder / "whole.pt")
    (folder / "cut.pt").write_bytes((folder / "whole.pt").read_bytes()[:900])
    return ["a.jpg", "a.csv", "a.safetensors", "a.zip.npz", "cut.pt"]


@pytest.mark.parametrize("trust", [False, True])
def test_a_file_that_is_no_checkpoint_is_no_file_of_weights(tmp_path, trust):
    for name in no_weights(tmp_path):
        with pytest.raises(WinnowError, match=f"{name} is no file of weights, or a damaged one; name a"):
            load_model("torch:torch.nn:Linear", weights=str(tmp_path / name), arguments=LINEAR, trust=trust)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_pickled_model_of_either_format_names_both_ways_to_trust_it(tmp_path, zipped):
    file = tmp_path / "model.pt"
    torch.save(nn.Linear(3, 2), file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WinnowError, match=r"holds a pickled model.*trust: true \(--trust"):
        load_model("torch:torch.nn:Linear", weights=str(file), arguments=LINEAR)
    load_model("torch:torch.nn:Linear", weights=str(file), arguments=LINEAR, trust=True)
    torch.save(nn.Linear(3, 2).state_dict(), file, _use_new_zipfile_serialization=zipped)
    load_model("torch:torch.nn:Linear", weights=str(file), arguments=LINEAR)


def test_a_trusted_model_whose_class_is_gone_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Raising, "__module__", "gone")
    monkeypatch.setitem(sys.modules, "gone", sys.modules[__name__])
    torch.save(Raising(None), tmp_path / "model.pt")
    monkeypatch.delitem(sys.modules, "gone")
    with pytest.raises(WinnowError, match="cannot be read: ModuleNotFoundError: No module named 'gone'; save its"):
        load_model("torch:torch.nn:Linear", weights=str(tmp_path / "model.pt"), arguments=LINEAR, trust=True)
