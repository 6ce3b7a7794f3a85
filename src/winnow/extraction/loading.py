"""Networks by their model strings (`winnow.params.model_string`)."""

import importlib
import inspect
import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import timm
import torch
import torchvision
import yaml
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data.config import resolve_model_data_config
from torch import nn
from torch.nn.parameter import is_lazy

from winnow.device import seeded
from winnow.encoders.frozen.checkpoints import CHECKPOINT_ERRORS, file_sha256
from winnow.encoders.frozen.hub import cache_folder, quick_hub, why_no_download
from winnow.encoders.weights import weights_sha256
from winnow.errors import WinnowError, first_sentence, unknown_model
from winnow.extraction.model import Model, Square, foreign, own_size, passes
from winnow.params.model_string import parse

UNTRAINED = "untrained"
_TRUST = "set trust: true (--trust of winnow layers)"


def keywords(arguments: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments from words like `pad_type=same` and `mean=[0.5, 0.5, 0.5]`, whose values are YAML.

    Raises:
        WinnowError: if a word has no `=`, or a value is no YAML.
    """
    found = {}
    for word in arguments:
        name, sign, value = word.partition("=")
        try:
            found[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            sign = ""
        if not sign:
            raise WinnowError(f"the argument {word!r} is not name=value; write it like pad_type=same.")
    return found


def load_model(
    model: str,
    *,
    weights: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    input_size: int | None = None,
    trust: bool = False,
) -> Model:
    """Load the network that a model string of the kinds `timm`, `torchvision`, `torch` and `script` names.

    Args:
        model: the string.
        weights: a file of weights (safetensors, or a state dictionary that torch reads with `weights_only=True`);
            None for the published ones of timm and torchvision (downloaded once) and for what a factory or script
            gives; `untrained` for random ones, the same in every process.
        arguments: keyword arguments of the factory or of the model's constructor.
        input_size: side of the square that images are resized to; None for the model's own, or 224.
        trust: whether to run a script, and to read a whole model that was pickled: both run code.

    Raises:
        WinnowError: if the model or its weights are unknown, missing, damaged or of another network, or running code
            was not allowed.
    """
    kind, rest = parse(model)
    loaders: Mapping[str, Callable[..., Model]] = {
        "timm": _timm,
        "torchvision": _torchvision,
        "torch": _factory,
        "script": _script,
    }
    if kind not in loaders:
        raise WinnowError(f"the model {model!r} is no network whose layers can be tapped; it gives features at once.")
    if kind == "script" and not trust:
        raise WinnowError(f"the model {model!r} is a script, which runs as it is; read it, and {_TRUST}.")
    with seeded(0, torch.device("cpu")):
        loaded = loaders[kind](rest, weights, dict(arguments or {}), input_size, trust)
    if any(is_lazy(tensor) for tensor in loaded.network.state_dict().values()):
        raise WinnowError(
            f"the model {model!r} has layers without a size (Lazy...); run it once before it is returned."
        )
    fingerprint = {
        "model": model,
        "arguments": dict(arguments or {}),
        "weights_sha256": weights_sha256(loaded.network.state_dict()),
        **loaded.fingerprint,
    }
    return Model(loaded.network.eval(), loaded.prepare, loaded.takes_list, fingerprint)


def _timm(name: str, weights: str | None, arguments: dict[str, Any], input_size: int | None, trust: bool) -> Model:
    if not timm.is_model(name):
        raise unknown_model(name, timm.list_models(), key="the model", library="timm")

    def create(pretrained: bool, /, **arguments: Any) -> Any:
        with quick_hub():
            return timm.create_model(name, pretrained=pretrained, **arguments)

    network = _of_library(create, arguments, weights, f"timm's {name}")
    _load_weights(network, weights, trust)
    own = resolve_model_data_config(network)
    return _square(network, Square(input_size or own["input_size"][-1], tuple(own["mean"]), tuple(own["std"])))


def _torchvision(
    name: str, weights: str | None, arguments: dict[str, Any], input_size: int | None, trust: bool
) -> Model:
    if name not in torchvision.models.list_models():
        raise unknown_model(name, torchvision.models.list_models(), key="the model", library="torchvision")
    is_detector = name in torchvision.models.list_models(module=torchvision.models.detection)

    def create(pretrained: bool, /, **arguments: Any) -> Any:
        if is_detector and not pretrained:
            arguments = {"weights_backbone": None} | arguments
        return torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None, **arguments)

    network = _of_library(create, arguments, weights, f"torchvision's {name}")
    _load_weights(network, weights, trust)
    if is_detector:
        return Model(network, own_size, takes_list=True, fingerprint={"input_size": "its own"})
    return _square(network, Square(input_size or Square.size))


def _factory(rest: str, weights: str | None, arguments: dict[str, Any], input_size: int | None, trust: bool) -> Model:
    module_name, _, name = rest.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except Exception as error:
        if passes(error):
            raise
        raise WinnowError(
            f"the model torch:{rest} cannot be had ({first_sentence(error)}); write torch:<package.module>:<function>, "
            "of a package that is installed."
        ) from None
    network = _built(factory, arguments, f"torch:{rest}")
    _load_weights(network, weights, trust)
    return _square(network, Square(input_size or Square.size))


def _script(file: str, weights: str | None, arguments: dict[str, Any], input_size: int | None, trust: bool) -> Model:
    module = load_script(file)
    owner = interface_of(module)
    factory = getattr(owner or module, "get_model", None)
    if factory is None:
        raise WinnowError(f"{file} has no get_model(); define it, it returns the network.")
    network = _built(factory, arguments, f"{file}: get_model()")
    _load_weights(network, weights, trust)
    digest = {"script_sha256": file_sha256(file)}
    preprocess = getattr(module, "preprocess", None)
    if preprocess is None:
        square = _square(network, Square(input_size or Square.size))
        return Model(network, square.prepare, fingerprint={**square.fingerprint, **digest})

    def prepare(image: Image.Image) -> torch.Tensor:
        with foreign(f"{file}: preprocess() fails", "return the (3, H, W) float32 tensor of an image there"):
            return torch.as_tensor(preprocess(image))

    return Model(network, prepare, fingerprint=digest)


def load_script(file: str) -> ModuleType:
    """Run a file as a module; files beside it can be imported from it.

    Raises:
        WinnowError: if there is no such file, or it fails.
    """
    path = Path(file).expanduser().resolve()
    spec = spec_from_file_location(f"winnow_script_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise WinnowError(f"there is no script {file}; name a Python file.")
    module = module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        with foreign(f"{file} fails", "correct it there"):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def interface_of(module: ModuleType) -> Any | None:
    """An object of the class in a script that has the methods of the thesis' FilterableInterface, if there is one."""
    for _, found in inspect.getmembers(module, inspect.isclass):
        if (
            found.__module__ == module.__name__
            and hasattr(found, "get_filterable_dataset")
            and not inspect.isabstract(found)
        ):
            with foreign(f"{module.__file__}: {found.__name__}() fails", "correct it there"):
                return found()
    return None


def _built(factory: Callable[..., Any], arguments: dict[str, Any], what: str) -> nn.Module:
    with foreign(f"{what} fails", "correct it there"):
        try:
            network = factory(**arguments)
        except Exception as error:
            if passes(error) or not (arguments or _never_ran(error)):
                raise
            why = first_sentence(error)
            raise WinnowError(f"{what} does not take these arguments ({why}); fix arguments.") from None
    if not isinstance(network, nn.Module):
        raise WinnowError(f"{what} returns {type(network).__name__}, not a torch.nn.Module; return the network.")
    return network


def _never_ran(error: Exception) -> bool:
    """Whether a call failed before any line of what was called: an argument is missing."""
    return isinstance(error, TypeError) and error.__traceback__ is not None and error.__traceback__.tb_next is None


def _of_library(create: Callable[..., Any], arguments: dict[str, Any], weights: str | None, what: str) -> nn.Module:
    """What `create`, which takes first whether to have the published weights, returns."""
    untrained = partial(create, False)
    if weights is not None:
        return _built(untrained, arguments, what)
    try:
        network: nn.Module = create(True, **arguments)
    except Exception as error:
        if passes(error):
            raise
        if arguments:
            _built(untrained, arguments, what)  # raises if they are what is wrong
        raise WinnowError(
            f"the weights of {what} could not be had: they are neither in {cache_folder()} or torch's cache nor could "
            f"they be downloaded ({why_no_download(error, answers=True)}); connect once, or name a file in weights."
        ) from None
    return network


def _square(network: nn.Module, square: Square) -> Model:
    return Model(network, square, fingerprint=square.fingerprint())


def _load_weights(network: nn.Module, weights: str | None, trust: bool) -> None:
    if weights in (None, UNTRAINED):
        return
    path = Path(str(weights)).expanduser()
    if not path.is_file():
        raise WinnowError(f"the weights {weights} do not exist; put the file there, or fix weights.")
    try:
        state = _state(path, trust)
        network.load_state_dict(state)
    except CHECKPOINT_ERRORS as error:
        raise WinnowError(
            f"the weights {weights} do not fit the network ({first_sentence(error)}); fix weights."
        ) from None


def _state(path: Path, trust: bool) -> Mapping[str, torch.Tensor]:
    no_weights = WinnowError(
        f"{path} is no file of weights, or a damaged one; name a .safetensors file, or one that torch.save() wrote."
    )
    if path.suffix == ".safetensors":
        try:
            return load_file(str(path))
        except SafetensorError:
            raise no_weights from None
    if not _is_checkpoint(path):
        raise no_weights
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        if not trust:
            raise WinnowError(
                f"{path} holds a pickled model, which runs code when it is read; save its state_dict(), or, if you "
                f"know who made it, {_TRUST}."
            ) from None
        with foreign(f"{path} holds a pickled model that cannot be read", "save its state_dict()"):
            content = torch.load(path, map_location="cpu", weights_only=False)
    if isinstance(content, nn.Module):
        return content.state_dict()
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def _is_checkpoint(path: Path) -> bool:
    """Whether torch.save() wrote a file: a zip with data.pkl in it or, of old, pickles behind a magic number."""
    with path.open("rb") as file:
        if torch.serialization.MAGIC_NUMBER.to_bytes(10, "little") in file.read(32):
            return True
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name == "data.pkl" for name in archive.namelist())
    except zipfile.BadZipFile:
        return False
