"""Features: `embed`."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from winnow.params.merging import merged
from winnow.params.section import Count, NotNegative, Positive, Section, Seed, Share

InputSize = Annotated[
    int, Field(ge=1, description="Width and height in pixels that images are resized to for the encoder.")
]
Mean = Annotated[
    list[float],
    Field(
        min_length=3,
        max_length=3,
        description="Per channel: the encoder sees (pixels / 255 - mean) / std. Wrong values cost ten points of "
        "accuracy in silence, so they are explicit and stored with the features.",
    ),
]
Std = Annotated[list[float], Field(min_length=3, max_length=3, description="Per channel, as the mean is.")]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
Prompt = Annotated[str, Field(pattern=r"\{\}")]


Name = Literal["open_clip", "timm", "plain", "trained", "finetuned"]
_VARIANT = rf"^({'|'.join(get_args(Name))})-[A-Za-z0-9_]+$"
VariantName = Annotated[str, Field(pattern=_VARIANT, description="a variant")]


def kind_of(name: str) -> str:
    """Of an encoder or a variant which encoder it is: `trained` of `trained-64`."""
    return name.partition("-")[0]


def key_of(name: str) -> str:
    """Where the params have what is an encoder's own: `embed.trained`, `embed.variants.trained-64`."""
    return f"embed.{name}" if name == kind_of(name) else f"embed.variants.{name}"


def section_of(name: str, embed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of an encoder; of a variant those of its kind, but for what it changes.

    Args:
        name: as `encoder` names it.
        embed: the section `embed` of params.yaml; KeyError if it lacks the encoder or the variant.
    """
    kind = kind_of(name)
    section: Mapping[str, Any] = embed[kind]
    return section if name == kind else merged(section, embed["variants"][name])


def with_backbones(names: Sequence[str]) -> list[str]:
    """The encoders that are loaded where these are used: `timm` too, from which `finetuned` starts."""
    starts = any(kind_of(name) == "finetuned" for name in names)
    return [*names, *(["timm"] if starts and "timm" not in names else [])]


def _one_or_several(value: Any, check: ValidatorFunctionWrapHandler) -> str | list[str]:
    """One name or a list of several, with one sentence for whatever else it is."""
    names = f"{', '.join(get_args(Name))}, a variant of one as embed.variants names it"
    try:
        checked: str | list[str] = check(value)
    except ValidationError:
        raise PydanticCustomError("encoder", f"name one of {names}, or a list of them") from None
    if isinstance(checked, list) and (len(checked) < 2 or len(set(checked)) < len(checked)):
        raise PydanticCustomError("encoder", "a list names two encoders or more, each once")
    return checked


class EncoderSection(Section):
    """The options of an encoder."""

    weight_candidates: list[Positive] = Field(
        min_length=1,
        description="Weight of its features beside those of other encoders. Of several candidates the one is taken "
        "with which a linear probe best foretells the given labels of images that it did not see, its probabilities of "
        "the true class sent through the estimated noise rates: that needs no truth. It plays no part where the "
        "encoder is alone.",
    )

    def local_weights(self) -> tuple[str, str] | None:
        """The key that names a file of weights, and how to do without that file; None where no key names one."""
        return None


class OpenClipEncoder(EncoderSection):
    """CLIP through open_clip. It gives zero-shot probabilities too."""

    model: str = Field(description="Name of the architecture in open_clip.")
    pretrained: str = Field(description="Weights: a tag that open_clip downloads once, or a path to a checkpoint.")
    input_size: InputSize
    mean: Mean
    std: Std
    prompts: list[Prompt] = Field(
        min_length=1,
        description="Templates of the zero-shot prompts; {} stands for the class name. They give `pred_probs`.",
    )
    negatives: list[str] = Field(
        min_length=1,
        description="Words for what is no class, put into the same prompts. `in_class_probability` is measured "
        "against them. A class's own name is refused; leave out words that take one in (`person` beside a class "
        "`face`).",
    )

    def local_weights(self) -> tuple[str, str] | None:
        return ("pretrained", "name a tag of open_clip") if "/" in self.pretrained else None


class TimmEncoder(EncoderSection):
    """A model of timm.

    One with an ImageNet-1k classifier gives zero-shot probabilities too, if every class name means one of ImageNet's
    labels or several (`cat`: `tabby cat`, `Persian cat`, …).
    """

    model: str = Field(description="Name of the model in timm.")
    checkpoint: str | None = Field(description="Path to local weights; null downloads the model's own.")
    pad_type: Literal["same"] | None = Field(
        description="Padding: `same` for weights that came from TensorFlow, null for the model's own. The wrong one "
        "costs accuracy in silence."
    )
    input_size: InputSize
    more_input_sizes: list[Count] = Field(
        description="Further sizes in pixels that each image is encoded at. The features are the mean over "
        "`input_size` and these, at the cost of all together."
    )
    mean: Mean
    std: Std

    def local_weights(self) -> tuple[str, str] | None:
        return ("checkpoint", "set it to null") if self.checkpoint is not None else None


class PlainEncoder(EncoderSection):
    """Colours and edges on a coarse grid.

    They need neither download nor labels, and find copies and odd pictures; they know nothing of what pictures show.
    """

    input_size: Annotated[
        int, Field(ge=8, multiple_of=8, description="Width and height in pixels that images are resized to.")
    ]


class FittedNetworks(Section):
    """Networks that are trained on the dataset itself, each blind to the images that it describes."""

    folds: int = Field(ge=2, description="Networks to train, each blind to the fold that it encodes.")
    epochs: Count = Field(description="Passes over the images.")
    input_size: InputSize
    learning_rate: Positive = Field(description="Peak of the one-cycle schedule.")
    label_smoothing: ShareBelowOne = Field(description="Share of the target that is spread over all classes.")
    shift: ShareBelowOne = Field(
        description="How far images are moved in each step, as a share of their side. Every step draws anew, each way, "
        "up to this; likewise the next three."
    )
    mirror: bool = Field(description="Mirror every second image. A mirrored digit is no digit.")
    zoom: ShareBelowOne = Field(description="How much larger or smaller images become in each step, as a share.")
    color: ShareBelowOne = Field(
        description="How much brightness, contrast and saturation change in each step, as a share. Not where the color "
        "tells the classes apart."
    )
    seed: Seed = Field(description="Seed of the folds and the training.")


class Contrastive(Section):
    """How the losses `supervised_contrastive` and `both` vary images.

    Each step draws anew, evenly up to these; they take the place of `shift`, `mirror`, `zoom` and `color` there. What
    comes in from outside has the level of the image's border.
    """

    shear: NotNegative = Field(description="How far upright lines lean either way, as a share of their height.")
    rotation: Annotated[float, Field(ge=0, le=180)] = Field(description="How far images turn either way, in degrees.")
    shift: ShareBelowOne = Field(description="How far images are moved each way, as a share of their side.")
    zoom: NotNegative = Field(description="How much larger or smaller images become: up to 1 + this times.")
    noise: NotNegative = Field(description="Standard deviation of normal noise, in deviations of the dataset's pixels.")
    inversion: Share = Field(description="Share of the images that are inverted within their own range of levels.")


class SmallNetworks(FittedNetworks):
    """Small networks trained on the dataset itself. They need no download."""

    width: Count = Field(description="Channels of the first block; the features have four times as many dimensions.")
    loss: Literal["cross_entropy", "supervised_contrastive", "both"] = Field(
        description="What the networks learn by. `cross_entropy`: of mixed pairs. `supervised_contrastive` (arXiv "
        "2004.11362): on sheared, turned, shifted, zoomed, noisy and inverted images. `both`: that and cross-entropy."
    )
    contrastive: Contrastive


class TrainedEncoder(SmallNetworks, EncoderSection):
    """Small networks trained on the dataset itself. They need no download."""


class FinetunedEncoder(FittedNetworks, EncoderSection):
    """The model of `timm`, with its weights, mean and std, trained on from the dataset's own labels.

    Beside the frozen one it finds more label errors than `trained` does, at several times the cost.
    """

    frozen_share: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Share of the model's layers, counted from the image, that keep their weights. They cost no "
        "gradients."
    )


class Embed(Section):
    """Features.

    Each encoder has its section; images are resized to its `input_size`, then normalised.
    """

    encoder: Annotated[Name | VariantName | list[Name | VariantName], WrapValidator(_one_or_several)] = Field(
        description="Which encoder is used. Each has a section below. A list puts several side by side: the features "
        "of each are scaled to length 1, weighted and concatenated for whatever learns from labels. Near duplicates "
        "and the map go by the first one's alone, outliers by these and `finetuned`'s: name a frozen one first. "
        "External photos are classified by each, and the mean counts."
    )
    batch_size: Count = Field(description="Images per forward pass.")
    flip: bool = Field(description="Average the features of each image and its mirror image.")
    open_clip: OpenClipEncoder
    timm: TimmEncoder
    plain: PlainEncoder
    trained: TrainedEncoder
    finetuned: FinetunedEncoder
    variants: dict[str, dict[str, Any]] = Field(
        description="Encoders that differ from one above in a few keys, for two of one kind side by side. By a name, "
        "which is the kind's with a hyphen and letters, digits or `_` behind it, the keys that differ: `{trained-64: "
        "{input_size: 64}}`, with `encoder: [timm, trained, trained-64]`. All that holds of the kind holds of them. "
        "`dvc exp run -S` needs a plus to add one: `-S '+embed.variants.trained-64.input_size=64'`."
    )

    @field_validator("variants")
    @classmethod
    def _as_their_kind(cls, variants: dict[str, dict[str, Any]], given: ValidationInfo) -> dict[str, dict[str, Any]]:
        for name in variants:
            if not re.fullmatch(_VARIANT, name):
                raise ValueError(
                    f"{name!r} is no name of a variant; write an encoder's, a hyphen and letters or digits"
                )
            kind = given.data.get(kind_of(name))
            if kind is not None:  # else its own error is told
                embed = {kind_of(name): kind.model_dump(), "variants": variants}
                with_name: Any = dict[str, type(kind)]  # type: ignore[misc]
                TypeAdapter(with_name).validate_python({name: section_of(name, embed)})
        return variants

    @model_validator(mode="after")
    def _variants_are_there(self) -> "Embed":
        for name in self._names:
            if name != kind_of(name) and name not in self.variants:
                raise ValueError(f"encoder names {name}, which embed.variants lacks; put there what it changes")
        return self

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        found = {}
        for name, section in self.chosen().items():
            if weights := section.local_weights():
                key, otherwise = weights
                place = name if key in self.variants.get(name, {}) else kind_of(name)
                found[f"{key_of(place)}.{key}".removeprefix("embed.")] = (
                    getattr(section, key),
                    f"put the weights there, or {otherwise}",
                )
        return found

    def chosen(self) -> dict[str, EncoderSection]:
        """The sections of the encoders that are used, by name."""
        names = with_backbones(self._names)
        embed = self.model_dump()
        return {name: type(getattr(self, kind_of(name)))(**section_of(name, embed)) for name in names}

    @property
    def _names(self) -> list[str]:
        return [self.encoder] if isinstance(self.encoder, str) else [*self.encoder]
