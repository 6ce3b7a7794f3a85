"""The encoders by name.

A new one is a module that implements `winnow.encoders.base.Encoder`, an entry in `ENCODERS`, and a section under
`embed` in the params, where `encoder` lists its name.

Importing this module costs nothing: an encoder's library, which takes seconds, is imported when the encoder is loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from winnow.errors import WinnowError

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
        embed: the whole section, for an encoder that starts from another.
    """

    class_names: list[str]
    batch_size: int
    flip: bool
    device: "torch.device"
    embed: Section


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
    common = Common(class_names, embed["batch_size"], embed["flip"], device or best_device(), embed)
    if isinstance(names, str):
        return _load(names, embed, common)
    from winnow.encoders.side_by_side import Part, SideBySide

    parts = [Part(_load(name, embed, common), embed[name]["weight_candidates"]) for name in names]
    return SideBySide(parts, len(class_names))


def load_frozen(embed: Section, *, class_names: list[str]) -> "Encoder":
    """Make the first encoder of the section `embed` that is frozen, `plain` where none is: for images of elsewhere.

    Args and Raises: as in `load_encoder`.
    """
    names = embed["encoder"]
    frozen = [name for name in ([names] if isinstance(names, str) else names) if not ENCODERS[name].is_fitted]
    return load_encoder({**embed, "encoder": (*frozen, "plain")[0]}, class_names=class_names)


def check_encoder(embed: Section) -> None:
    """Look up the names in the sections of the chosen encoders, before a long run finds out; nothing is downloaded.

    Args:
        embed: as in `load_encoder`.

    Raises:
        WinnowError: if a model or tag is unknown.
    """
    names = embed["encoder"]
    chosen = {names} if isinstance(names, str) else set(names)
    for name in chosen | ({"timm"} if "finetuned" in chosen else set()):
        if check := ENCODERS[name].check:
            check(_options(name, embed))


def _load(name: str, embed: Section, common: Common) -> "Encoder":
    return ENCODERS[name].load(_options(name, embed), common)


def _options(name: str, embed: Section) -> Section:
    return {key: value for key, value in embed[name].items() if key != "weight_candidates"}


@dataclass(frozen=True)
class Entry:
    """What is to be known of an encoder.

    Attributes:
        load: makes it of its section and of what all encoders are given.
        check: raises WinnowError if a name in its section is unknown; None where no key holds such a name.
        is_fitted: of the encoder that `load` makes.
    """

    load: Callable[[Section, Common], "Encoder"]
    check: Callable[[Section], None] | None = None
    is_fitted: bool = False


def _open_clip(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.encoder import FrozenEncoder
    from winnow.encoders.frozen.open_clip import load_open_clip

    network = load_open_clip(class_names=common.class_names, device=common.device, **section)
    return FrozenEncoder(network, len(common.class_names), common.batch_size, common.flip)


def _check_open_clip(section: Section) -> None:
    from winnow.encoders.frozen.open_clip import find_weights

    find_weights(section["model"], section["pretrained"])


def _timm(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.encoder import FrozenEncoder
    from winnow.encoders.frozen.timm import load_timm

    network = load_timm(class_names=common.class_names, device=common.device, **section)
    return FrozenEncoder(network, len(common.class_names), common.batch_size, common.flip)


def _check_timm(section: Section) -> None:
    from winnow.encoders.frozen.timm import check_model

    check_model(section["model"])


def _plain(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.encoder import FrozenEncoder
    from winnow.encoders.frozen.plain import load_plain

    network = load_plain(device=common.device, **section)
    return FrozenEncoder(network, len(common.class_names), common.batch_size, common.flip)


def _trained(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.fitted.encoder import FittedEncoder
    from winnow.encoders.fitted.networks import SmallNetworks, TrainedSettings

    _need_labels("trained", common)
    return FittedEncoder(
        SmallNetworks(TrainedSettings(**section), len(common.class_names), common.device), flip=common.flip
    )


def _finetuned(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.fitted.encoder import FittedEncoder
    from winnow.encoders.fitted.finetuning import FinetunedNetworks, FinetunedSettings
    from winnow.encoders.frozen.timm import load_backbone

    _need_labels("finetuned", common)
    settings = FinetunedSettings(**section)
    start = {key: common.embed["timm"][key] for key in ("model", "checkpoint", "pad_type", "mean", "std")}
    backbone = load_backbone(**start, input_size=settings.input_size)
    return FittedEncoder(
        FinetunedNetworks(settings, len(common.class_names), common.device, backbone), flip=common.flip
    )


def _need_labels(encoder: str, common: Common) -> None:
    if not common.class_names:
        raise WinnowError(
            f"embed.encoder is {encoder}, which learns from labels, and these images have none; set it to plain, "
            "open_clip or timm."
        )


ENCODERS: Mapping[str, Entry] = {
    "open_clip": Entry(_open_clip, _check_open_clip),
    "timm": Entry(_timm, _check_timm),
    "plain": Entry(_plain),
    "trained": Entry(_trained, is_fitted=True),
    "finetuned": Entry(_finetuned, is_fitted=True),
}
