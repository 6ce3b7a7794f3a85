"""Scores without decisions: `duplicates`, `crossval`, `label_issues`, `ood`, `self_check`; and `map`."""

from typing import Literal

from pydantic import Field

from winnow.params.section import Count, Positive, Section, Seed


class Duplicates(Section):
    """Exact and near duplicates. A pair of near duplicates meets both bounds."""

    max_hash_distance: int = Field(
        ge=0,
        le=32,
        description="Largest Hamming distance between perceptual hashes, in bits of 64. Higher finds more.",
    )
    min_similarity: float = Field(
        ge=-1, le=1, description="Smallest cosine similarity between features. Lower finds more."
    )


class Crossval(Section):
    """Class probabilities out of sample, from a linear probe."""

    folds: int = Field(ge=3, description="Folds of the probe; duplicates share one.")
    l2_candidates: list[Positive] = Field(
        min_length=1, description="Strengths of regularisation; the one of the best held-out likelihood wins."
    )
    seeds: list[Seed] = Field(
        min_length=1,
        description="One split into folds per seed; the probabilities are means over them. The first seed chooses the "
        "strength of regularisation.",
    )


class LabelIssues(Section):
    """Label quality, from an ensemble of probe, kNN and zero-shot."""

    neighbours: Count = Field(description="Nearest neighbours that vote on a label.")


class Ood(Section):
    """Out-of-distribution scores."""

    neighbours: Count = Field(
        description="The kNN score is the distance to this many neighbours. Take more than any clump of outliers has "
        "images."
    )
    trim: float = Field(
        ge=0, lt=0.9, description="Share of each class left out when its mean and the covariance are fitted."
    )


class Map(Section):
    """Where the review app's map puts the images."""

    method: Literal["umap", "pca"] = Field(
        description="UMAP, or the first principal components. The latter take no time."
    )
    neighbours: int = Field(ge=2, description="Neighbours that UMAP keeps together.")
    min_distance: float = Field(ge=0, lt=1, description="How close UMAP may put two images.")
    seed: Seed = Field(description="Seed of UMAP's layout.")


class SelfCheck(Section):
    """Known faults planted in a copy of the data, to measure what the detectors find.

    Off, the stage costs nothing; on, it runs all detectors again, and with the encoder `trained` trains that again too.
    """

    enabled: bool = Field(description="Whether the check runs.")
    label_flips: float = Field(
        ge=0,
        le=0.5,
        description="Share of each class's presumably clean images whose label is flipped. Half go to the class it is "
        "most often taken for, half to any.",
    )
    ood: float = Field(
        ge=0,
        le=0.2,
        description="Foreign pictures to add, as a share of all images: shuffled crops, noise, photographs.",
    )
    duplicates: float = Field(
        ge=0, le=0.2, description="Copies to add, as a share of all images: exact, compressed again, shifted."
    )
    seed: Seed = Field(description="Seed of everything that is planted.")
