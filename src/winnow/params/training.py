"""The grader: `train` and `evaluate`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from winnow.params.section import Count, NotNegative, Positive, Section, Seed


class CourseRecipe(Section):
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    momentum: Annotated[float, Field(ge=0, lt=1)]


class FastRecipe(CourseRecipe):
    weight_decay: NotNegative
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    average_decay: Annotated[float, Field(ge=0, lt=1)]


class Train(Section):
    recipe: Literal["course", "fast"]
    course: CourseRecipe
    fast: FastRecipe
    patience: Count | None
    precision: Literal["auto", "float32", "bfloat16"]
    compile: bool
    seeds: Annotated[list[Seed], Field(min_length=1)]

    @model_validator(mode="after")
    def _seeds_differ(self) -> "Train":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds must differ from one another")
        return self


class Evaluate(Section):
    batch_size: Count
