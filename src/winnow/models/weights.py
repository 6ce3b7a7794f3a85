"""Weights of trained networks on disk."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from winnow import tables
from winnow.errors import WinnowError
from winnow.models.networks import find_network


def save_model(state: Mapping[str, Tensor], path: str | Path) -> None:
    """Write weights as safetensors: no code in the file, and the same weights are the same bytes.

    Args:
        state: a network's `state_dict()`, tensors on any device and in any memory order.
        path: the file, replaced atomically.
    """
    with tables.replacing(path) as temporary:
        # Not save_file: that makes files only their owner can read, so that a shared DVC cache would not serve others.
        temporary.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}))


def load_model(path: str | Path, *, num_classes: int, network: str = "resnet34") -> nn.Module:
    """Rebuild a network from `save_model`'s file, on the CPU and in evaluation mode.

    Raises:
        WinnowError: if the file is missing, damaged, or holds another network or another number of classes.
    """
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise WinnowError(f"{path} is missing; run 'dvc repro' to train it.") from None
    except SafetensorError as error:
        raise WinnowError(f"{path} is no safetensors file ({error}); delete it and run 'dvc repro'.") from None
    module = find_network(network).build(num_classes)
    try:
        module.load_state_dict(state)
    except RuntimeError:
        raise WinnowError(
            f"{path} holds no such network with {num_classes} classes; delete it and run 'dvc repro' to train it again."
        ) from None
    return module.eval()
