"""Decisions: `curate` and `validation`."""

from typing import Annotated, Literal

from pydantic import Field

from winnow.params.section import Count, Section, Seed, Share

# As in winnow.detect.faults.image_faults, which takes long to import.
ImageFault = Literal["dark", "light", "low_information", "blurry", "grayscale", "odd_size", "odd_aspect_ratio"]


class Curate(Section):
    label_quality_threshold: Share
    relabel_confidence: Share
    relabel_sources: Count
    ood_threshold: Share
    ood_detectors: Count
    drop_near_duplicates: bool
    drop_image_faults: list[ImageFault]
    class_floor: Annotated[int, Field(ge=0)]


class Validation(Section):
    per_class: Count
    max_total: Annotated[int, Field(ge=10, le=1000)]
    min_label_quality: Share
    max_ood_score: Share
    seed: Seed
