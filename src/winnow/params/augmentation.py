"""The training set: `policy_search`, `augment` and `submission`."""

from typing import Literal

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
    "zoom",
    "elastic",
    "gaussian_noise",
    "thickness",
]


class PolicySearch(Section):
    """Faster AutoAugment: a search for the operations that suit the curated images.

    Off, the stage costs nothing and writes an empty policy. [augmentation.md](augmentation.md) says how to run it and
    what it writes.
    """

    enabled: bool = Field(description="Whether a policy is searched.")
    images: int = Field(
        ge=4,
        description="Training images to search on, drawn at random; all where there are fewer. The paper took 4,000.",
    )
    sub_policies: Count = Field(description="Sub-policies; each copy is made by one of them.")
    length: Count = Field(description="Operations in each sub-policy.")
    epochs: Count = Field(description="Passes over those images. Twice as many let the policy move twice as far.")
    batch_size: int = Field(
        ge=4, description="Images per step. Half of them are augmented, half are what they are compared with."
    )
    learning_rate: Positive = Field(
        description="Of Adam: about the most by which a probability or magnitude moves in a batch."
    )
    classification_weight: NotNegative = Field(
        description="Weight of keeping the classes apart, against looking like an original. The paper's ε."
    )
    diversity: NotNegative = Field(
        description="Weight of the entropy of the chosen operations. At 0, as in the paper, all sub-policies may end "
        "with the one operation that shows least."
    )
    critic_width: int = Field(
        ge=4, multiple_of=4, description="Channels of the critic, the network that judges the copies."
    )
    operations: list[Operation] = Field(
        min_length=1,
        description="Operations to choose among. Leave out what changes the meaning of your images, as a flip does "
        "with digits. The files in configs/ also leave out `invert` and `solarize`, for a stored copy takes the place "
        "of a picture and no test image looks like that, and `posterize`, which hides as doing next to nothing.",
    )
    fill: Literal["reflect", "border"] = Field(
        description="What comes into view where pixels are moved. `reflect`: the image's reflection. `border`: the "
        "level of its border, for drawings on plain ground, where a reflected stroke is another sign."
    )
    seed: Seed = Field(description="Seed of the whole search.")

    @model_validator(mode="after")
    def _operations_differ(self) -> "PolicySearch":
        if len(set(self.operations)) != len(self.operations):
            raise ValueError("operations must differ from one another")
        return self


class Techniques(Section):
    """Weights of the ways of making a copy; 0 switches one off.

    [augmentation.md](augmentation.md) says how the planner uses them.
    """

    flip: NotNegative = Field(
        description="The mirror image. Once per original; 0 where that means something else, as with digits."
    )
    crop: NotNegative = Field(description="A window of the image, scaled back to its size. 50 to 90 % of the area.")
    flip_crop: NotNegative = Field(description="A window of the mirror image.")
    rotation: NotNegative = Field(
        description="The image turned by a few degrees. By up to 20, the corners filled with reflections."
    )
    color: NotNegative = Field(description="Other brightness, contrast, saturation and hue.")
    oversampling: NotNegative = Field(description="The original's own bytes.")
    mixup: NotNegative = Field(
        description="A blend with an image of the same class. The original's share is the larger "
        "([arXiv 1710.09412](https://arxiv.org/abs/1710.09412))."
    )
    cutmix: NotNegative = Field(
        description="A window of another image of the same class. After [arXiv 1905.04899](https://arxiv.org/abs/1905.04899)."
    )
    trivial_augment: NotNegative = Field(
        description="One random operation at a random magnitude. Both are drawn evenly "
        "([arXiv 2103.10158](https://arxiv.org/abs/2103.10158))."
    )
    augmix: NotNegative = Field(
        description="The image mixed with chains of operations on itself. Three of them "
        "([arXiv 1912.02781](https://arxiv.org/abs/1912.02781))."
    )
    faster_autoaugment: NotNegative = Field(description="The policy that was searched; needs policy_search.enabled.")


class EdgeCases(Section):
    """Images that are clean but hard: they may get more copies."""

    by: Literal["probe", "neighbours"] = Field(
        description="What is hard. `probe`: its label is improbable out of sample; `neighbours`: it is far from the "
        "nearest image of its class, but among it."
    )
    strength: NotNegative = Field(
        description="Such images get up to 1 + this times the copies of others; 0 treats all alike. Others are "
        "those of the same class; no image gets more than `max_copies_per_image`."
    )
    min_label_quality: Share = Field(description="Smallest probability of the label trained with that counts as clean.")
    max_ood_score: Share = Field(description="Largest out-of-distribution score that counts as clean.")


class Augment(Section):
    """The training set: originals and augmented copies."""

    budget: int = Field(ge=1, le=50_000, description="Images in the training set, originals and copies together.")
    balance: Literal["equal", "effective_number", "none"] = Field(
        description="How copies even out the classes. `equal`: equal counts as far as the budget goes; `none`: copies "
        "in proportion; `effective_number`: between the two, by the effective number of images."
    )
    effective_number_beta: float = Field(
        ge=0, lt=1, description="0 is the classes' own proportions, nearly 1 is equal. Only for `effective_number`."
    )
    max_copies_per_image: int = Field(ge=0, description="Copies that one original may have.")
    edge_cases: EdgeCases
    jpeg_quality: int = Field(
        ge=50, le=100, description="JPEG quality of augmented images. Originals are never encoded again."
    )
    techniques: Techniques
    seed: Seed = Field(description="Seed of every copy.")

    @model_validator(mode="after")
    def _some_technique(self) -> "Augment":
        if self.max_copies_per_image and not any(self.techniques.model_dump().values()):
            raise ValueError("techniques all weigh 0; give one a weight, or set max_copies_per_image to 0")
        return self


class Submission(Section):
    """What is handed in."""

    team: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        description="First word of the folders, `<team>-training-set` and `<team>-validation-set`.",
    )
