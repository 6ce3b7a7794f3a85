"""Scores without decisions: `duplicates`, `crossval`, `label_issues`, `ood`, `self_check`; and `map`."""

from typing import Annotated, Literal

from pydantic import Field

from winnow.params.section import Count, Positive, Section, Seed


class Duplicates(Section):
    max_hash_distance: Annotated[int, Field(ge=0, le=32)]
    min_similarity: Annotated[float, Field(ge=-1, le=1)]


class Crossval(Section):
    folds: Annotated[int, Field(ge=3)]
    l2_candidates: Annotated[list[Positive], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)]


class LabelIssues(Section):
    neighbours: Count


class Ood(Section):
    neighbours: Count
    trim: Annotated[float, Field(ge=0, lt=0.9)]


class Map(Section):
    method: Literal["umap", "pca"]
    neighbours: Annotated[int, Field(ge=2)]
    min_distance: Annotated[float, Field(ge=0, lt=1)]
    seed: Seed


class SelfCheck(Section):
    enabled: bool
    label_flips: Annotated[float, Field(ge=0, le=0.5)]
    ood: Annotated[float, Field(ge=0, le=0.2)]
    duplicates: Annotated[float, Field(ge=0, le=0.2)]
    seed: Seed
