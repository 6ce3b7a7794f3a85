"""Decisions: `curate` and `validation`."""

from typing import Literal

from pydantic import Field

from winnow.params.section import Count, Positive, Section, Seed, Share

# As in winnow.detect.faults.image_faults, which takes long to import.
ImageFault = Literal["dark", "light", "low_information", "blurry", "grayscale", "odd_size", "odd_aspect_ratio"]


class Curate(Section):
    """Thresholds of the decision on each image: keep, relabel or drop."""

    label_quality_threshold: Share = Field(description="A label of lower quality is an issue. Higher finds more.")
    relabel_confidence: Share = Field(
        description="An issue is relabelled from this confidence on, dropped below it. The confidence is in the other "
        "label; higher drops more."
    )
    relabel_sources: Count = Field(
        description="An issue is relabelled only if this many sources agree on the new label. The sources are probe, "
        "kNN and zero-shot; a higher number drops more."
    )
    max_wrong_labels: Share = Field(
        description="Label issues are withheld where a larger share of labels would be wrong. The features hardly tell "
        "the classes apart then, and right labels would go; 1 never withholds them."
    )
    ood_threshold: Share = Field(
        description="An image is dropped from this probability of being none of the classes on. Lower drops more."
    )
    ood_detectors: Count = Field(
        description="An image is dropped as out of distribution only if this many detectors agree. There are three, or "
        "four with zero-shot; a higher number drops fewer."
    )
    drop_near_duplicates: bool = Field(description="Exact duplicates are always dropped; true drops near ones too.")
    duplicate_keeper: Literal["label_support", "resolution", "sharpness"] = Field(
        description="How the copy that stays is chosen. `label_support` keeps the one with the most likely label, "
        "`resolution` the one that came with the most pixels, `sharpness` the least blurry one, and both of equals the "
        "most likely label. One that a rule takes for itself stays only if no other is left."
    )
    drop_image_faults: list[ImageFault] = Field(
        description="Image quality issues that drop an image; [] drops none. The ledger names them all the same: grey "
        "or blurry images may well be fine."
    )
    neighbour_rules: bool = Field(
        description="Whether the nearest neighbours alone relabel and drop images. For features that an encoder "
        "learned from the dataset itself; they come after label issues, which the neighbours take part in."
    )
    neighbour_relabel: float = Field(
        gt=0,
        le=1,
        description="Share of the neighbours that must have one other label to relabel an image. The neighbours are "
        "those of `label_issues.neighbours`; lower relabels more.",
    )
    neighbour_drop_distance: Positive = Field(
        description="An image farther from its class is dropped if its neighbours are others. Most of them have "
        "another label then; in units of the median distance to the nearest image of the class, lower drops more."
    )
    neighbour_drop_cluster: bool = Field(
        description="Whether an image in the cluster of another class is dropped too. Nine in ten of its neighbours "
        "have one other label then, however near the nearest image of its own."
    )
    points_harmed: int = Field(
        ge=0,
        description="Drop an image that harms so many reference images by HyDRA's rule; 0 drops none. The rule is min "
        "+ std; needs valuation.enabled.",
    )
    valuation_max_share: Share = Field(description="Most images that this rule may drop, as a share.")
    class_floor: int = Field(
        ge=0,
        description="Fewest images that the rules leave in a class. Where they would leave fewer, the least suspicious "
        "ones come back, though never at the cost of a class that has no more than this or than it came with.",
    )
    doubtful_share: float = Field(
        ge=0,
        lt=1,
        description="Share of each class that is dropped because its labels are in doubt. The least likely labels go, "
        "0 keeps all; a class never falls under its floor.",
    )


class Validation(Section):
    """The clean validation set."""

    per_class: Count = Field(
        description="Images per class. At most a fifth of those without any issue, where that still gives ten images."
    )
    max_total: int = Field(ge=10, le=1000, description="Images in all, at most.")
    min_label_quality: Share = Field(
        description="Candidates have at least this label quality. All sources also agree with their label."
    )
    max_ood_score: Share = Field(description="Candidates have at most this out-of-distribution score.")
    seed: Seed = Field(description="Seed that draws candidates where a class has very many.")
