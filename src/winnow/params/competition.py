"""The pipeline `competition`: values, rounds of cleaning and copies for the Data-Centric AI competition's network."""

from typing import Literal

from pydantic import Field, model_validator

from winnow.params.augmentation import PolicySearch
from winnow.params.encoders import SmallNetworks
from winnow.params.section import Count, NotNegative, Positive, Section, Seed, Share
from winnow.params.training import CompetitionRecipe
from winnow.params.valuation import Valuation


class CompetitionSample(Section):
    """The built-in sample of `competition`: digits drawn thick and thin, with planted errors."""

    seed: Seed = Field(description="Seed of all that is drawn and planted.")
    train: Count = Field(description="Pictures of each class in `train/`.")
    val: Count = Field(description="Pictures of each class in `val/`.")
    label_book: Count = Field(description="Pictures of each class in `label_book/`, all right.")
    test: Count = Field(description="Pictures of each class in the test set.")
    wrong_labels: Share = Field(description="Share of `train/` and `val/` with another label.")
    scribbles: Share = Field(description="Share of `train/` and `val/` that are no class at all.")


class CompetitionData(Section):
    """The images of the competition: zips of `<split>/<label>/<file>.png`."""

    archive: str = Field(description="Zip with `train/`, `val/` and `label_book/`, the trusted reference.")
    test_archive: str = Field(description="Zip with `test/`; only `evaluate` reads it.")
    truth: str = Field(
        description="CSV `image_id,true_label` with -1 for images of no class, for a scorecard; or `data/none`."
    )
    class_names: list[str] = Field(
        min_length=2, description="Labels in the grader's order, which is not the folders' alphabetical one."
    )


class Cleaning(Section):
    """The rounds: when an image is relabelled or dropped."""

    encoder: SmallNetworks
    label_quality_threshold: Share = Field(description="A label of lower quality is an issue.")
    relabel_confidence: Share = Field(description="An issue is relabelled from this confidence on, dropped below it.")
    neighbours: Count = Field(description="How many nearest images vote.")
    neighbour_relabel: NotNegative = Field(
        description="Share of the neighbours that must have one other label to relabel an image; above 1 never."
    )
    neighbour_drop_distance: Positive = Field(
        description="An image farther from its class is dropped if most neighbours have another label. In units of the "
        "median distance to the nearest image of the class."
    )
    neighbour_drop_cluster: bool = Field(
        description="Whether an image in the cluster of another class is dropped too. Nine in ten of its neighbours "
        "have one other label then, however near the nearest image of its own."
    )
    points_harmed: Count | None = Field(
        description="Drop an image that harms so many reference images by HyDRA's rule min + std; null drops none."
    )
    valuation_max_share: Share = Field(description="Most images that this rule may drop, as a share.")
    class_floor: int = Field(
        ge=0,
        description="Images that a class keeps at least: the likeliest of those dropped come back, then of those "
        "relabelled.",
    )
    seed: Seed = Field(description="Which tenth of the images no round touches.")


class Copies(Section):
    """Copies of the cleaned images."""

    policy: Literal["searched", "random"] = Field(
        description="What makes a copy. `searched`: the policy of `policy_search`, no copies where that is off; "
        "`random`: three of shear, translate, rotate and zoom at random magnitudes, drawn by `policy_search.seed`, of "
        "which nothing else is read."
    )
    per_class: Count = Field(description="Images of each class in the training set, originals and copies together.")
    strength: NotNegative = Field(description="Edge cases get up to 1 + this times the copies of others.")
    seed: Seed = Field(description="Seed of every copy.")
    original_levels: bool = Field(
        description="Whether a copy has no other grey levels than its original. Moving pixels blends them, so that the "
        "network sees softer strokes than the originals'; small noise goes, too."
    )
    validation_per_class: Count | None = Field(
        description="Different kept images of each class, of both splits, that choose the epoch; null: val/ as it is."
    )
    validation_with_copies: Count | None = Field(
        description="Images of each class that choose the epoch, originals and copies together; null: no copies."
    )


class CompetitionTraining(Section):
    """The fixed network, trained by the competition's recipe on the raw and on the cleaned images."""

    recipe: CompetitionRecipe
    seeds: list[Seed] = Field(min_length=1, description="One network per seed and arm; figures are means over them.")


class CompetitionParams(Section):
    """All of pipelines/competition/params.yaml."""

    competition_sample: CompetitionSample
    competition: CompetitionData
    valuation: Valuation
    cleaning: Cleaning
    policy_search: PolicySearch
    copies: Copies
    competition_training: CompetitionTraining

    @model_validator(mode="after")
    def _values_for_the_rule(self) -> "CompetitionParams":
        if self.cleaning.points_harmed is not None and not self.valuation.enabled:
            raise ValueError(
                f"cleaning.points_harmed is {self.cleaning.points_harmed}, but no image is valued; set "
                "valuation.enabled to true, or points_harmed to null"
            )
        return self
