"""The encoders by name.

A new one is a module that implements `winnow.encoders.base.Encoder`, an entry in `ENCODERS`, and a section under
`embed` in the params.

Importing this module costs nothing: an encoder's library, which takes seconds, is imported when the encoder is loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from winnow.encoders.base import Encoder

Section = Mapping[str, Any]


@dataclass(frozen=True)
class Common:
    """What all encoders are given, beside their own section of params.yaml.

    Attributes:
        class_names: K names, in label order.
        batch_size: images per forward pass.
        flip: whether features are averaged with those of the mirrored image.
        device: where the encoder runs.
    """

    class_names: list[str]
    batch_size: int
    flip: bool
    device: "torch.device"


def load_encoder(embed: Section, *, class_names: list[str], device: "torch.device | None" = None) -> "Encoder":
    """Make the encoder that the section `embed` of params.yaml chooses; of several names, all of them side by side.

    Args:
        embed: the section: `encoder` (a name or several), `batch_size`, `flip`, and a section for each encoder.
        class_names: K names, in label order.
        device: where it runs; None takes `best_device`.

    Raises:
        WinnowError: if its model or weights are unknown, missing or damaged.
    """
    from winnow.device import best_device

    names = embed["encoder"]
    common = Common(class_names, embed["batch_size"], embed["flip"], device or best_device())
    if isinstance(names, str):
        return _load(names, embed, common)
    from winnow.encoders.side_by_side import Part, SideBySide

    parts = [Part(_load(name, embed, common), embed[name]["weight_candidates"]) for name in names]
    return SideBySide(parts, len(class_names))


def _load(name: str, embed: Section, common: Common) -> "Encoder":
    options = {key: value for key, value in embed[name].items() if key != "weight_candidates"}
    return ENCODERS[name](options, common)


def _open_clip(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.encoder import FrozenEncoder
    from winnow.encoders.frozen.open_clip import load_open_clip

    network = load_open_clip(class_names=common.class_names, device=common.device, **section)
    return FrozenEncoder(network, len(common.class_names), common.batch_size, common.flip)


def _timm(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.encoder import FrozenEncoder
    from winnow.encoders.frozen.timm import load_timm

    network = load_timm(class_names=common.class_names, device=common.device, **section)
    return FrozenEncoder(network, len(common.class_names), common.batch_size, common.flip)


def _trained(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.fitted.networks import TrainedSettings
    from winnow.encoders.fitted.trained import TrainedEncoder

    return TrainedEncoder(TrainedSettings(**section), len(common.class_names), common.flip, common.device)


ENCODERS: Mapping[str, Callable[[Section, Common], "Encoder"]] = {
    "open_clip": _open_clip,
    "timm": _timm,
    "trained": _trained,
}
