"""What an encoder is, and what all loaders of encoders share."""

import hashlib
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from winnow.encoders.zero_shot import ZeroShot
from winnow.errors import WinnowError

# What reading a checkpoint raises when the file is cut short, is something else, or is of another network.
CHECKPOINT_ERRORS = (
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    pickle.UnpicklingError,
    SafetensorError,
)


@dataclass(frozen=True)
class Encoder:
    """A frozen network that turns images into feature vectors.

    Attributes:
        name: as in params.yaml: `open_clip`, `timm`.
        fingerprint: all that decides the features (model, weights' sha256, preprocessing); JSON values only.
        encode: (B, H, W, 3) uint8 pixels to (B, D) float32 features, not yet normalised, on the encoder's device.
        zero_shot: (N, D) float32 features as `encode` gave them, not normalised, to class probabilities; None where the
            network does not know the classes by name.
        no_zero_shot: why `zero_shot` is None, in a few words.
    """

    name: str
    fingerprint: Mapping[str, Any]
    encode: Callable[[np.ndarray], torch.Tensor]
    zero_shot: Callable[[np.ndarray], ZeroShot] | None = None
    no_zero_shot: str = ""


def file_sha256(path: str | Path) -> str:
    """Digest of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(network: nn.Module) -> str:
    """Digest of a network's weights and buffers, for those that came from no file of the user's."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def existing_checkpoint(path: str, *, key: str) -> Path:
    """The checkpoint at `path`; `key` is where params.yaml names it.

    Raises:
        WinnowError: if there is no such file.
    """
    checkpoint = Path(path).expanduser()
    if not checkpoint.is_file():
        raise WinnowError(
            f"the weights {path} do not exist (looked for {checkpoint.resolve()}); put the checkpoint file there, "
            f"mend {key}, or set embed.encoder to trained, which needs none."
        )
    return checkpoint


def say_if_other_preprocessing(*, key: str, model: str, given: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Print one line if input size, mean or std are not the ones that `model` is published with.

    Wrong ones raise no error anywhere: the features only get worse.
    """
    other = [name for name in own if not np.allclose(given[name], own[name], atol=1e-4)]
    if other:
        said = "; ".join(f"{name} is {given[name]}, the model's own is {own[name]}" for name in other)
        print(f"winnow: {key}: {said} ({model}): right only if these weights were made so.", file=sys.stderr)
