"""The encoders by name.

A new one is a module that implements `winnow.encoders.base.Encoder`, an entry in `ENCODERS`, and a section under
`embed` in the params, where `encoder` lists its name.

Importing this module costs nothing: an encoder's library, which takes seconds, is imported when the encoder is loaded.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from winnow.errors import WinnowError
from winnow.params.encoders import key_of, kind_of, section_of, with_backbones

if TYPE_CHECKING:
    import torch

    from winnow.encoders.base import Encoder
    from winnow.encoders.frozen.network import FrozenNetwork

Section = Mapping[str, Any]


@dataclass(frozen=True)
class Common:
    """What all encoders are given, beside their own section of params.yaml.

    Attributes:
        name: of the encoder, as `embed.encoder` has it.
        class_names: K names, in label order.
        batch_size: images per forward pass.
        flip: whether features are averaged with those of the mirrored image.
        device: where the encoder runs.
        embed: the whole section, for an encoder that starts from another.
    """

    name: str
    class_names: list[str]
    batch_size: int
    flip: bool
    device: "torch.device"
    embed: Section


def load_encoder(embed: Section, *, class_names: list[str], device: "torch.device | None" = None) -> "Encoder":
    """Make the encoder that the section `embed` of params.yaml chooses; of several names, all of them side by side.

    Args:
        embed: the section: `encoder` (a name or several), `batch_size`, `flip`, a section for each encoder, and
            `variants` if it names one.
        class_names: K names, in label order.
        device: where it runs; None takes `best_device`.

    Raises:
        WinnowError: if its model or weights are unknown, missing or damaged.
    """
    from winnow.device import best_device

    names = embed["encoder"]
    common = Common("", class_names, embed["batch_size"], embed["flip"], device or best_device(), embed)
    if isinstance(names, str):
        return _load(names, embed, common)
    from winnow.encoders.side_by_side import Part, SideBySide

    parts = [Part(_load(name, embed, common), section_of(name, embed)["weight_candidates"]) for name in names]
    return SideBySide(parts, len(class_names))


def load_frozen(embed: Section, *, class_names: list[str]) -> "Encoder":
    """Make the first encoder of the section `embed` that is frozen, `plain` where none is: for images of elsewhere.

    Args and Raises: as in `load_encoder`.
    """
    names = embed["encoder"]
    frozen = [name for name in ([names] if isinstance(names, str) else names) if not is_fitted(name)]
    return load_encoder({**embed, "encoder": (*frozen, "plain")[0]}, class_names=class_names)


def check_encoder(embed: Section) -> None:
    """Look up the names in the sections of the chosen encoders, before a long run finds out; nothing is downloaded.

    Args:
        embed: as in `load_encoder`.

    Raises:
        WinnowError: if a model or tag is unknown.
    """
    names = embed["encoder"]
    for name in with_backbones([names] if isinstance(names, str) else names):
        if check := ENCODERS[kind_of(name)].check:
            with _told_of(name):
                check(_options(name, embed))


def is_fitted(name: str) -> bool:
    """Whether the encoder or variant of that name is trained on the dataset."""
    return ENCODERS[kind_of(name)].is_fitted


def _load(name: str, embed: Section, common: Common) -> "Encoder":
    with _told_of(name):
        return ENCODERS[kind_of(name)].load(_options(name, embed), replace(common, name=name))


def _options(name: str, embed: Section) -> Section:
    return {key: value for key, value in section_of(name, embed).items() if key != "weight_candidates"}


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Where a variant's options are wrong, says that they are the variant's, for errors name the keys of its kind."""
    try:
        yield
    except WinnowError as error:
        raise error if name == kind_of(name) else WinnowError(f"{key_of(name)}: {error}") from None


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


def _frozen(network: "FrozenNetwork", common: Common) -> "Encoder":
    from winnow.encoders.frozen.encoder import FrozenEncoder

    network = replace(network, name=common.name)
    return FrozenEncoder(network, len(common.class_names), common.batch_size, common.flip)


def _open_clip(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.open_clip import load_open_clip

    network = load_open_clip(class_names=common.class_names, device=common.device, **section)
    return _frozen(network, common)


def _check_open_clip(section: Section) -> None:
    from winnow.encoders.frozen.open_clip import find_weights

    find_weights(section["model"], section["pretrained"])


def _timm(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.timm import load_timm

    network = load_timm(class_names=common.class_names, device=common.device, **section)
    return _frozen(network, common)


def _check_timm(section: Section) -> None:
    from winnow.encoders.frozen.timm import check_model

    check_model(section["model"])


def _plain(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.frozen.plain import load_plain

    network = load_plain(device=common.device, **section)
    return _frozen(network, common)


def _trained(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.fitted.encoder import FittedEncoder
    from winnow.encoders.fitted.networks import SmallNetworks, TrainedSettings

    _need_labels(common)
    settings = TrainedSettings(**section)
    learner = SmallNetworks(settings, len(common.class_names), common.device, name=common.name)
    return FittedEncoder(learner, flip=common.flip)


def _finetuned(section: Section, common: Common) -> "Encoder":
    from winnow.encoders.fitted.encoder import FittedEncoder
    from winnow.encoders.fitted.finetuning import FinetunedNetworks, FinetunedSettings
    from winnow.encoders.frozen.timm import load_backbone

    _need_labels(common)
    settings = FinetunedSettings(**section)
    start = {key: common.embed["timm"][key] for key in ("model", "checkpoint", "pad_type", "mean", "std")}
    backbone = load_backbone(**start, input_size=settings.input_size)
    learner = FinetunedNetworks(settings, len(common.class_names), common.device, backbone, name=common.name)
    return FittedEncoder(learner, flip=common.flip)


def _need_labels(common: Common) -> None:
    if not common.class_names:
        raise WinnowError(
            f"embed.encoder is {common.name}, which learns from labels, and these images have none; set it to plain, "
            "open_clip or timm."
        )


ENCODERS: Mapping[str, Entry] = {
    "open_clip": Entry(_open_clip, _check_open_clip),
    "timm": Entry(_timm, _check_timm),
    "plain": Entry(_plain),
    "trained": Entry(_trained, is_fitted=True),
    "finetuned": Entry(_finetuned, is_fitted=True),
}
