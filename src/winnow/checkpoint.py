"""Checkpoints of unfinished training: written whole or not at all, used only by the very run that wrote them."""

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from winnow import tables


def fingerprint(settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Hash everything that decides a training run: 32 hexadecimal digits.

    Args:
        settings: JSON values, such as the recipe, the seed and the device.
        arrays: the data and the initial weights, by name.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` (tensors, numbers, strings, lists and dicts of them); a kill leaves the previous one intact."""
    buffer = io.BytesIO()  # torch's own writer meets a full disk with words that name neither
    torch.save(dict(content), buffer)
    with tables.replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read `save_checkpoint`'s file onto the CPU; None if there is none, or, with a notice, if it is damaged."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (RuntimeError, UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        kind = type(error).__name__
        print(f"checkpoint {path} is damaged ({kind}) and is left unused: training starts again.", file=sys.stderr)
        return None
    return content
