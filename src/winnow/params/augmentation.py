"""The training set: `policy_search`, `augment` and `submission`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from winnow.params.section import Count, NotNegative, Positive, Section, Seed, Share

# As in winnow.augmentation.policy.operations, which takes long to import.
Operation = Literal[
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "flip",
    "invert",
    "solarize",
    "posterize",
    "color",
    "contrast",
    "brightness",
    "sharpness",
    "auto_contrast",
    "equalize",
    "cutout",
]


class PolicySearch(Section):
    enabled: bool
    images: Annotated[int, Field(ge=4)]
    sub_policies: Count
    length: Count
    epochs: Count
    batch_size: Annotated[int, Field(ge=4)]
    learning_rate: Positive
    classification_weight: Annotated[float, Field(ge=0)]
    diversity: Annotated[float, Field(ge=0)]
    critic_width: Annotated[int, Field(ge=4, multiple_of=4)]
    operations: Annotated[list[Operation], Field(min_length=1)]
    seed: Seed

    @model_validator(mode="after")
    def _operations_differ(self) -> "PolicySearch":
        if len(set(self.operations)) != len(self.operations):
            raise ValueError("operations must differ from one another")
        return self


class Techniques(Section):
    flip: NotNegative
    crop: NotNegative
    flip_crop: NotNegative
    rotation: NotNegative
    color: NotNegative
    oversampling: NotNegative
    mixup: NotNegative
    cutmix: NotNegative
    trivial_augment: NotNegative
    augmix: NotNegative
    faster_autoaugment: NotNegative


class EdgeCases(Section):
    strength: NotNegative
    min_label_quality: Share
    max_ood_score: Share


class Augment(Section):
    budget: Annotated[int, Field(ge=1, le=50_000)]
    balance: Literal["equal", "effective_number", "none"]
    effective_number_beta: Annotated[float, Field(ge=0, lt=1)]
    max_copies_per_image: Annotated[int, Field(ge=0)]
    edge_cases: EdgeCases
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    techniques: Techniques
    seed: Seed

    @model_validator(mode="after")
    def _some_technique(self) -> "Augment":
        if self.max_copies_per_image and not any(self.techniques.model_dump().values()):
            raise ValueError("techniques all weigh 0; give one a weight, or set max_copies_per_image to 0")
        return self


class Submission(Section):
    team: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
