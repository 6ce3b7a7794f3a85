"""Rules that the filter's benchmarks try beside those of stage `compare`."""

import numpy as np

from winnow.filtering.outliers import density_tree, outlier_order
from winnow.filtering.reduction import fit_reduction
from winnow.filtering.rules import Candidates, Rule, ward


def densest(images: Candidates, seed: int, *, dimensions: int = 64) -> np.ndarray:
    """What is left when nothing but outliers go, found in so many principal components."""
    points = fit_reduction(images.features, dimensions=dimensions)(images.features)
    return outlier_order(density_tree(points))[::-1]


def outliers_then_ward(share: float) -> Rule:
    """Winnow's two cuts one after the other: this share of the images goes as outliers, then Ward's redundancy."""

    def rule(images: Candidates, seed: int) -> np.ndarray:
        order = densest(images, seed)
        kept, gone = np.split(order, [round((1 - share) * len(order))])
        kept = np.sort(kept)
        return np.concatenate([kept[ward(images.only(kept), seed)], gone])

    return rule


def one_cut(share: float, ranked: Rule = ward) -> Rule:
    """As pipelines/filter cuts, but for balance of the outliers: ranked with all images, cut after this share of them
    went as outliers."""

    def rule(images: Candidates, seed: int) -> np.ndarray:
        order = densest(images, seed)
        gone = order[round((1 - share) * len(order)) :]
        redundancy = ranked(images, seed)
        return np.concatenate([redundancy[~np.isin(redundancy, gone)], gone])

    return rule
