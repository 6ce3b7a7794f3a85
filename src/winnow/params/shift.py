"""The pipeline `shift`: why accuracy differs between two test sets."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from winnow.params.encoders import Embed
from winnow.params.section import Count, NotNegative, Positive, Section, Seed, Share


class ShiftSample(Section):
    """The built-in sample of `shift`: printed digits, one training set and two test sets, with planted causes."""

    seed: Seed = Field(description="Seed of all pictures and of all that is planted.")
    rows: int = Field(ge=100, description="Pictures in each of the three sets.")
    leaked: Share = Field(description="Share of set A that are copies of training pictures.")
    wrong_labels: Share = Field(description="Share of set B with a wrong label.")
    hard_share: Share = Field(
        description="Share of set B in the three classes that look alike. Without a shift it is 0.3."
    )
    blurred: bool = Field(description="Whether one class is blurred in set B.")


class Sets(Section):
    """The training set and the two test sets.

    Each is an image source in any layout that winnow reads, or a table of features: `.csv`, `.parquet`, `.npz` (arrays
    `features` and the labels) or `.npy` (labels in `<name>.labels.npy`). Tables are read in blocks, never held whole.
    """

    train: str = Field(description="What the classifier learns from, or data/none where there are predictions.")
    a: str = Field(description="The test set to compare with.")
    b: str = Field(description="The test set to explain.")
    predictions_a: str = Field(
        description="Predictions of your own model on A, or data/none to train one. A `.csv` or `.parquet` with the "
        "label column and a column of probabilities a class, the rows in the order of set A."
    )
    predictions_b: str = Field(description="Likewise on B.")
    models_a: str = Field(
        description="Answers of five models or more on A, or data/none. A table with the label column and a column of "
        "predicted labels a model; it gives the line that shows whether this drop is the usual one."
    )
    models_b: str = Field(description="Likewise on B, the models named alike.")
    label_column: str = Field(description="The column of labels in tables.")
    leave_out: list[str] = Field(
        description="Columns of tables that are no features. An index without a name is left out by itself."
    )
    image_size: int = Field(ge=12, le=1024, description="Side in pixels that images are brought to.")
    image_features: Literal["pixels", "encoder"] = Field(
        description="What stands for an image: its grey values made small, or the features of `embed`'s frozen encoder."
    )
    pixel_side: int = Field(ge=2, le=64, description="Side of the grey picture for `pixels`.")
    max_unpacked_gb: Positive = Field(description="GiB; an archive that would unpack to more is refused.")

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        optional = ("train", "predictions_a", "predictions_b", "models_a", "models_b")
        return {
            "a": (self.a, "name a test set that does"),
            "b": (self.b, "name a test set that does"),
            **{name: (getattr(self, name), "put it there, or set it to data/none") for name in optional},
        }


class Classifier(Section):
    """The classifier on features.

    Logistic regression, or a perceptron where `hidden` names layers.
    """

    hidden: list[Count] = Field(description="Width of each hidden layer; [] for multinomial logistic regression.")
    dropout: float = Field(ge=0, lt=1, description="Share of hidden units left out in a step.")
    learning_rate: Positive = Field(description="Of Adam.")
    weight_decay: NotNegative = Field(description="Penalty on the weights. More keeps them smaller.")
    epochs: Count = Field(description="Passes over the training rows, at most.")
    batch_size: Count = Field(description="Rows of a step.")
    validation_share: float = Field(gt=0, lt=1, description="Share of the training rows that chooses the epoch.")
    patience: Count = Field(description="Epochs without a lower validation loss before training stops.")
    seeds: list[Seed] = Field(min_length=1, description="A classifier each; their answers are averaged.")
    other_weight_decays: list[NotNegative] = Field(
        description="The first seed is trained again with each: does a stronger penalty lessen the drop?"
    )


class Explain(Section):
    """How the drop is taken apart."""

    leak_ratio: float = Field(
        ge=0,
        lt=1,
        description="A test row counts as a training row below this share of the usual distance to the nearest one, "
        "and of its own distance to the tenth nearest.",
    )
    min_class_rows: int = Field(ge=10, description="Classes with fewer rows in a set are compared together.")
    min_part: NotNegative = Field(description="A smaller part of the drop is never named.")
    bootstraps: int = Field(ge=20, description="Resamples for the intervals.")
    permutations: int = Field(ge=1, description="Permutations of the rows that show what tests give by chance.")
    slices: Count = Field(description="Groups of alike rows to look for failures in, at most.")
    pictures: Count = Field(description="Pictures of a gallery in the report, at most.")
    seed: Seed = Field(description="Seed of folds, resamples and groups.")


class ShiftParams(Section):
    """All of pipelines/shift/params.yaml."""

    shift_sample: ShiftSample
    sets: Sets
    embed: Embed
    classifier: Classifier
    explain: Explain
