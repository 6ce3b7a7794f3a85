"""The grader: `train` and `evaluate`."""

from typing import Literal

from pydantic import Field, model_validator

from winnow.params.section import Count, NotNegative, Positive, Section, Seed


class CourseRecipe(Section):
    """The grader's recipe: SGD with a cosine schedule.

    The course uses 30 epochs, a batch size of 128, a learning rate of 0.01 and a momentum of 0.9.
    """

    epochs: Count = Field(description="Passes over the training set.")
    batch_size: int = Field(ge=2, description="Images per step.")
    learning_rate: Positive = Field(description="Learning rate of the first epoch.")
    momentum: float = Field(ge=0, lt=1, description="Momentum of SGD.")


class FastRecipe(CourseRecipe):
    """A quicker recipe for sweeps: SGD with one cycle of the learning rate."""

    learning_rate: Positive = Field(description="Peak learning rate.")
    weight_decay: NotNegative = Field(description="L2 penalty of SGD.")
    label_smoothing: float = Field(ge=0, lt=1, description="Share of the target that is spread over all classes.")
    average_decay: float = Field(
        ge=0, lt=1, description="Decay of the average of the weights that is validated and kept; 0 for none."
    )


class CompetitionRecipe(Section):
    """The recipe of the Data-Centric AI competition: Adam, and the epoch of the best plain accuracy.

    The competition used 100 epochs, a batch size of 8 and a learning rate of 0.0001.
    """

    epochs: Count = Field(description="Passes over the training set.")
    batch_size: int = Field(ge=2, description="Images per step.")
    learning_rate: Positive = Field(description="Learning rate of all steps.")


class Train(Section):
    """The networks that judge the data, trained as the grader does.

    The epoch with the best validation score counts.
    """

    network: str = Field(
        description="Trained from scratch: `resnet34`, `competition`, `small`, `torchvision:<name>` or `timm:<name>`. "
        "`resnet34` is the grader's, on values in [0, 1]; `competition` is the Data-Centric AI competition's, `small` "
        "has 78,000 parameters, and both shrink images to 32 pixels themselves; the others' input is normalised by "
        "their own mean and std."
    )
    recipe: Literal["course", "fast", "competition"] = Field(description="Which of the recipes below is used.")
    course: CourseRecipe
    fast: FastRecipe
    competition: CompetitionRecipe
    patience: Count | None = Field(
        description="Epochs without a better validation score before training stops; null trains all."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="Precision of the forward and backward passes. `auto`: bfloat16 where the device has it, float32 "
        "elsewhere."
    )
    threads: Count = Field(
        description="Threads of the CPU in a training step, on every machine: another number gives other bits. With "
        "more than there are free cores, a step takes many times as long; of no effect on a GPU."
    )
    compile: bool = Field(
        description="Use torch.compile in place of a GPU's recorded step, after a minute of compiling. Other bits than "
        "without."
    )
    seeds: list[Seed] = Field(min_length=1, description="One network per seed and arm; figures are means over them.")

    @model_validator(mode="after")
    def _seeds_differ(self) -> "Train":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds must differ from one another")
        return self


class QuickCheck(Section):
    """A small network trained on the curated images, without copies: a figure for thresholds within seconds."""

    network: str = Field(description="Trained from scratch, a name as in `train.network`.")
    images: Count = Field(
        description="Images that it sees in training, in whole epochs. The same whatever `curate` keeps."
    )
    seeds: list[Seed] = Field(min_length=1, description="One network each; figures are means over them.")


class Evaluate(Section):
    """Predictions on the validation and the test set."""

    batch_size: Count = Field(description="Images per forward pass.")
