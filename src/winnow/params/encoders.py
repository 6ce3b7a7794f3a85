"""Features: `embed`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from winnow.params.section import Count, Positive, Section, Seed

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
Prompt = Annotated[str, Field(pattern=r"\{\}")]


class EncoderSection(Section):
    """The options of an encoder."""

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


class TrainedEncoder(EncoderSection):
    """Small networks trained on the dataset itself. They need no download."""

    folds: int = Field(ge=2, description="Networks to train, each blind to the fold that it encodes.")
    epochs: Count = Field(description="Passes over the images.")
    width: Count = Field(description="Channels of the first block; the features have four times as many dimensions.")
    input_size: InputSize
    learning_rate: Positive = Field(description="Peak of the one-cycle schedule.")
    seed: Seed = Field(description="Seed of the folds and the training.")


class Embed(Section):
    """Features.

    Each encoder has its section; images are resized to its `input_size`, then normalised.
    """

    encoder: Literal["open_clip", "timm", "trained"] = Field(description="Which of the sections below is used.")
    batch_size: Count = Field(description="Images per forward pass.")
    flip: bool = Field(description="Average the features of each image and its mirror image.")
    open_clip: OpenClipEncoder
    timm: TimmEncoder
    trained: TrainedEncoder

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        if not (weights := self.chosen().local_weights()):
            return {}
        key, otherwise = weights
        path: str = getattr(self.chosen(), key)
        return {f"{self.encoder}.{key}": (path, f"put the weights there, or {otherwise}")}

    def chosen(self) -> EncoderSection:
        """The section of the encoder that is used."""
        section: EncoderSection = getattr(self, self.encoder)
        return section
