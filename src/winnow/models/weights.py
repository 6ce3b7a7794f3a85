"""Weights of trained networks on disk: safetensors files that name their network."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from winnow import tables
from winnow.errors import WinnowError
from winnow.models.networks import find_network

# The one entry of the file's metadata, as JSON: safetensors writes several in an order that differs from run to run.
_ENTRY = "winnow"
_UNNAMED = "resnet34"  # what files without metadata hold


def save_model(state: Mapping[str, Tensor], path: str | Path, *, network: str, num_classes: int) -> None:
    """Write weights as safetensors: no code in the file, and the same weights are the same bytes.

    Args:
        state: the network's `state_dict()`, tensors on any device and in any memory order.
        path: the file, replaced atomically.
        network: the network's name, as `find_network` takes it.
        num_classes: K.
    """
    metadata = {_ENTRY: json.dumps({"network": network, "num_classes": num_classes})}
    with tables.replacing(path) as temporary:
        # Not save_file: that makes files only their owner can read, so that a shared DVC cache would not serve others.
        temporary.write_bytes(
            save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, metadata=metadata)
        )


def load_model(path: str | Path, *, num_classes: int) -> nn.Module:
    """Rebuild the network of `save_model`'s file, on the CPU and in evaluation mode.

    Args:
        path: the file; one that names no network is read as `resnet34`.
        num_classes: K, as the caller expects it.

    Raises:
        WinnowError: if the file is missing, damaged, or holds an unknown network or another number of classes.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {}).get(_ENTRY, "{}"))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except FileNotFoundError:
        raise WinnowError(f"{path} is missing; run 'dvc repro' to train it.") from None
    except (SafetensorError, ValueError) as error:
        raise WinnowError(
            f"{path} is no safetensors file of winnow ({error}); delete it and run 'dvc repro'."
        ) from None
    name = described.get("network", _UNNAMED)
    network = find_network(name).build(num_classes)
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise WinnowError(
            f"{path} holds no {name} with {num_classes} classes; delete it and run 'dvc repro' to train it again."
        ) from None
    return network.eval()
