"""Features: `embed`."""

from typing import Annotated, Literal

from pydantic import Field

from winnow.params.section import Channels, Count, Positive, Section, Seed


class OpenClipEncoder(Section):
    model: str
    pretrained: str
    input_size: Count
    mean: Channels
    std: Channels
    prompts: Annotated[list[Annotated[str, Field(pattern=r"\{\}")]], Field(min_length=1)]
    negatives: Annotated[list[str], Field(min_length=1)]


class TimmEncoder(Section):
    model: str
    checkpoint: str | None
    pad_type: Literal["same"] | None
    input_size: Count
    more_input_sizes: list[Count]
    mean: Channels
    std: Channels


class TrainedEncoder(Section):
    folds: Annotated[int, Field(ge=2)]
    epochs: Count
    width: Count
    input_size: Count
    learning_rate: Positive
    seed: Seed


class Embed(Section):
    encoder: Literal["open_clip", "timm", "trained"]
    batch_size: Count
    flip: bool
    open_clip: OpenClipEncoder
    timm: TimmEncoder
    trained: TrainedEncoder
