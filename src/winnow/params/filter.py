"""The pipeline `filter`: fewer images, chosen by what a network sees in them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from winnow.errors import WinnowError
from winnow.params.model_string import parse
from winnow.params.section import Count, NotNegative, Positive, Section, Seed, Share


class FilterSample(Section):
    """The built-in sample of `filter`: handwritten digits, many of them shifted copies of others."""

    seed: Seed = Field(description="Seed of all that is drawn.")
    images: int = Field(ge=100, description="Training images.")
    copied: Share = Field(description="Share of them that are shifted copies.")
    odd: int = Field(ge=0, description="Training images whose pixels are scrambled.")
    leaked: int = Field(ge=0, description="Test images that are copies of training images.")


class DatasetSection(Section):
    """The dataset to filter; it is read where it lies and never changed."""

    archive: str = Field(description="A folder, zip or tar.")
    layout: Literal["auto", "course", "voc", "coco", "yolo", "flat", "imagefolder"] = Field(
        description="What it looks like. `auto` is the first of the others that fits; `flat` has no labels."
    )
    splits: list[str] = Field(
        description="Splits to filter (`train`, `val`, `test`). `[]` is the training split, or all images where there "
        "are no splits. Other splits are never touched; what they share with these is told as leakage."
    )
    max_unpacked_gb: Positive = Field(description="Refuse archives that unpack to more.")

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        return {"archive": (self.archive, "put the dataset there, or name another")}


class Network(Section):
    """The network whose layer describes the images."""

    model: str = Field(
        description="A model string. `timm:<name>`, `torchvision:<name>`, `torch:<package.module>:<factory>`, "
        "`script:<file.py>`, `encoder:<timm, open_clip, plain or trained>`, or `features:<file>` for features that are "
        "ready."
    )
    weights: str | None = Field(
        description="A file of weights. `null` takes the published ones (downloaded once), or what a factory or script "
        "gives; `untrained` takes random ones."
    )
    arguments: list[str] = Field(
        description="Keyword arguments of the model, factory or encoder. Each is `name=value`, the value as in YAML."
    )
    layer: str = Field(
        description="A dotted name, or `auto`. `auto` is what enters the last linear layer; `winnow layers` lists all."
    )
    pool: Literal["mean", "max", "flatten"] = Field(
        description="How maps and tokens become one vector. `flatten` keeps all places and projects them to 1,024."
    )
    input_size: Annotated[int, Field(ge=8)] | None = Field(
        description="Side of the square that images are resized to. `null` is the model's own, or 224."
    )
    batch_size: Count = Field(description="Images of a forward pass.")
    trust: bool = Field(description="Whether to run a script, or read a pickled model. Both run code.")

    @field_validator("model")
    @classmethod
    def _of_a_known_kind(cls, model: str) -> str:
        try:
            parse(model)
        except WinnowError as error:
            raise ValueError(str(error).rstrip(".")) from None
        return model

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        kind, rest = parse(self.model)
        found = {"model": (rest, "put it there, or name another")} if kind in ("script", "features") else {}
        if self.weights not in (None, "untrained"):
            found["weights"] = (str(self.weights), "put the weights there, or set it to null")
        return found


class Reduce(Section):
    """Features made fit for comparing: centred, rotated, scaled to length 1."""

    method: Literal["pca", "umap"] = Field(
        description="Principal components, or a layout by UMAP. `umap` takes up to 100,000 images, and ten or so "
        "`dimensions`."
    )
    dimensions: Count | None = Field(
        description="Principal components to keep, or dimensions of the layout. `null`, for `pca` only, centres alone."
    )
    changed_images: Count = Field(
        description="Images that are lightly changed to learn how far a copy may be. More make the distance surer."
    )
    seed: Seed = Field(description="Seed of their choice and their changes, and of UMAP.")

    @model_validator(mode="after")
    def _a_layout_has_dimensions(self) -> "Reduce":
        if self.method == "umap" and self.dimensions is None:
            raise ValueError("method is umap, which needs a number of dimensions, and that is null; set it, as to 10")
        return self


class Outliers(Section):
    """Scores of outliers."""

    min_samples: Count = Field(
        description="Which neighbour is a core distance, the image itself being the first. More make small groups odd."
    )


class RedundancySection(Section):
    """Scores of redundancy, from a merge tree or an order in each group."""

    method: Literal["ward", "average", "herding"] = Field(
        description="How images are ranked. `ward` and `average` are linkages of a merge tree; `average` chains, and "
        "loses to random from 50 % down. `herding` keeps each group's mean: with the groups `label` it is best for a "
        "probe on these features, not for a network from scratch."
    )
    groups: Literal["none", "label", "predicted", "cluster"] = Field(
        description="Inside what an image may go for another. `predicted` is a probe's class, `cluster` one of k-means."
    )
    clusters: Count = Field(description="Groups of k-means.")
    floor: Share = Field(
        description="How much of its share a class, or a group where there are no classes, keeps at least. 0 lets the "
        "heights alone decide."
    )
    seed: Seed = Field(description="Seed of k-means and of the probe's folds.")


class Cut(Section):
    """What goes. Only `cut` and later stages read it."""

    outliers: Share = Field(description="Share of the images that goes as outliers, the oddest first.")
    similar: Share | Literal["auto"] = Field(
        description="Share of the images that goes as redundant. `auto` takes those with a kept image as near as three "
        "of four images are to themselves, lightly changed."
    )
    keep: Annotated[float, Field(gt=0, le=1)] | None = Field(
        description="Share of the images that stays. It takes the place of `similar`; `null` leaves that alone."
    )
    most_of_a_group: Share = Field(
        description="How much of a class or group may go as outliers. A rare class is no outlier."
    )
    seed: Seed = Field(description="Seed of the random sets that figures are set beside.")


class Pays(Section):
    """The comparison of ways to choose, by what learns from the kept images; it needs labels, or boxes."""

    learner: Literal["probe", "network", "detector"] = Field(
        description="What learns. `probe`, on the features, takes seconds; `network`, from nothing on the pixels of "
        "labelled images, and `detector`, of boxes, train hundreds of times."
    )
    shares: list[Annotated[float, Field(gt=0, lt=1)]] = Field(min_length=1, description="Shares kept.")
    pools: int = Field(ge=2, description="How often all is repeated, on 80 % of the images drawn anew.")
    most_images: int = Field(
        ge=50, description="Most images to choose from, and to ask about. Of more so many are drawn."
    )
    l2: NotNegative = Field(description="Penalty of the probe.")
    steps: Count = Field(
        description="Steps of each training, however few images are kept. A network's have 64 images, a detector's 4."
    )
    input_size: Annotated[int, Field(ge=16)] | None = Field(
        description="Side of the square that a detector sees, a multiple of 16. `null` is 512; others have none."
    )
    weights: str | None = Field(
        description="Weights of the detector's frozen MobileNetV2. A file, `null` for the published ones (downloaded "
        "once), or `untrained`."
    )
    seed: Seed = Field(description="Seed of the pools, of what is drawn, and of trainings.")

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        if self.learner != "detector" or self.weights in (None, "untrained"):
            return {}
        return {"weights": (str(self.weights), "put the weights there, or set it to null")}

    @model_validator(mode="after")
    def _side_of_a_detector(self) -> "Pays":
        if self.learner != "detector" and self.input_size is not None:
            raise ValueError(
                f"input_size is {self.input_size}, and learner is {self.learner}; only a detector has one, "
                "set it to null"
            )
        if self.learner == "detector" and (self.input_size or 16) % 16:
            raise ValueError(f"input_size is {self.input_size}, and a detector's is a multiple of 16; set it to 512")
        return self


class FilterReport(Section):
    """The report of the pipeline `filter`."""

    pairs: Count = Field(description="Pairs of removed images and their keepers that it shows, and outliers.")
    seed: Seed = Field(description="Seed of their choice and their changes.")


class FilterParams(Section):
    """All of pipelines/filter/params.yaml."""

    filter_sample: FilterSample
    dataset: DatasetSection
    network: Network
    reduce: Reduce
    outliers: Outliers
    redundancy: RedundancySection
    cut: Cut
    pays: Pays
    filter_report: FilterReport
