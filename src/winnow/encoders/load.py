"""The frozen encoders by name."""

from collections.abc import Mapping
from typing import Any

import torch

from winnow.encoders.frozen.network import FrozenNetwork


def load_encoder(
    name: str, options: Mapping[str, Any], *, class_names: list[str], device: torch.device
) -> FrozenNetwork:
    """Load a frozen encoder; its library takes seconds to import, so only that one is.

    Args:
        name: `open_clip` or `timm`.
        options: its section of params.yaml.
        class_names: K names, for zero-shot.
        device: where it runs.

    Raises:
        WinnowError: if its model or weights are unknown, missing or damaged.
    """
    if name == "open_clip":
        from winnow.encoders.frozen.open_clip import load_open_clip

        return load_open_clip(class_names=class_names, device=device, **options)
    from winnow.encoders.frozen.timm import load_timm

    return load_timm(class_names=class_names, device=device, **options)
