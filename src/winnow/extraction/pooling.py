"""One vector per image from whatever a layer puts out."""

from collections.abc import Mapping
from typing import Any

import torch

from winnow.errors import WinnowError

SKETCH = 1024
"""Features that `flatten` leaves at most: longer vectors are projected on the way."""


def pooled(calls: list[Any], *, images: int, pool: str, layer: str) -> torch.Tensor:
    """Pool the outputs of a layer during one forward pass.

    Args:
        calls: what it put out, call by call: tensors, or tuples, lists and mappings of them, of any depth.
        images: B, how many images went in.
        pool: `mean` or `max` over the places of a map and over tokens; `flatten` keeps all places and projects what is
            longer than 1,024 (a count sketch, Charikar et al. 2002, which keeps inner products in expectation).
        layer: its name, for errors.

    Returns:
        (B, D) float32 on the CPU: of maps (B, C, H, W) or (B, H, W, C) and tokens (B, T, C) the C channels; of several
        tensors, or several calls, all of theirs one after the other.

    Raises:
        WinnowError: if the layer was not called, puts out no tensor, or tensors that have not a row per image.
    """
    if not calls:
        raise WinnowError(
            f"the layer {layer!r} was not called in a forward pass; name one that is, such as a layer inside it "
            "('winnow layers MODEL' counts the calls)."
        )
    tensors = [tensor for call in calls for tensor in _tensors(call)]
    if not tensors:
        raise WinnowError(f"the layer {layer!r} puts out no tensor but {type(calls[0]).__name__}; name another.")
    return torch.cat([_of_one(tensor, images, pool, layer) for tensor in tensors], dim=1)


def _tensors(output: Any) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output] if output.is_floating_point() else []
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, list | tuple):
        return [tensor for item in output for tensor in _tensors(item)]
    return []


def _of_one(tensor: torch.Tensor, images: int, pool: str, layer: str) -> torch.Tensor:
    if tensor.ndim == 0 or tensor.shape[0] != images:
        raise WinnowError(
            f"the layer {layer!r} puts out {tuple(tensor.shape)} for {images} images: its first axis is not the image "
            "(proposals of a detector, say); name an earlier one, such as the backbone."
        )
    tensor = tensor.float()
    if pool == "flatten":
        return _sketch(tensor.flatten(1)).cpu()
    if tensor.ndim <= 2:
        return tensor.reshape(images, -1).cpu()
    over = _places(tensor)
    result = tensor.mean(dim=over) if pool == "mean" else tensor.amax(dim=over)
    return result.cpu()


def _places(tensor: torch.Tensor) -> tuple[int, ...]:
    """The axes that are places, not channels: a map is square in its places, whichever side its channels are on."""
    if tensor.ndim == 3:
        return (1,)
    shape = tensor.shape
    channels_last = tensor.ndim == 4 and shape[1] == shape[2] != shape[3]
    return (1, 2) if channels_last else tuple(range(2, tensor.ndim))


def _sketch(flat: torch.Tensor) -> torch.Tensor:
    if flat.shape[1] <= SKETCH:
        return flat
    generator = torch.Generator().manual_seed(0)
    place = torch.randint(SKETCH, (flat.shape[1],), generator=generator).to(flat.device)
    sign = (torch.randint(2, (flat.shape[1],), generator=generator) * 2 - 1).to(flat.device)
    return torch.zeros(len(flat), SKETCH, device=flat.device).index_add_(1, place, flat * sign)
