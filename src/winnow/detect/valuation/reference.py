"""The reference: images whose labels people trust, or the next best, by whose loss all others are valued."""

import numpy as np
import pandas as pd

_ONE_IN = 5  # pictures of a class, one at most is of the reference


def choose_reference(images: pd.DataFrame, confirmed: pd.Series, rejected: set[str], *, per_class: int) -> pd.Series:
    """The images of a dataset that are the reference where no other is given, with their labels.

    Args:
        images: `image_id`, `label` in [0, K), `duplicate_group`, `label_quality_score` in [0, 1], `signals_agree` and
            `is_ood`.
        confirmed: by id, the labels of the images that people confirmed; all of them are in.
        rejected: ids of images that people want otherwise, which are never in.
        per_class: of a class without any, so many of those that all evidence agrees on, the highest label quality
            first, of each duplicate group one; at most one in five of the class's groups, or one of two.

    Returns:
        Labels by image id, those that people confirmed first, then by class. A class whose images are all of one
        group, or none of them fit, has none.
    """
    named = confirmed[confirmed.index.isin(images["image_id"]) & ~confirmed.index.isin(rejected)]
    taken = images["duplicate_group"][images["image_id"].isin(named.index)]
    fit = images[images["signals_agree"] & ~images["is_ood"] & ~images["duplicate_group"].isin(taken)]
    fit = fit[~fit["image_id"].isin(rejected)]
    fit = fit.sort_values(["label_quality_score", "image_id"], ascending=[False, True])
    fit = fit.drop_duplicates("duplicate_group")
    parts = [named]
    for label, pictures in images.groupby("label")["duplicate_group"].nunique().items():
        if not (named == label).any() and pictures > 1:
            rows = fit[fit["label"] == label].head(min(per_class, max(pictures // _ONE_IN, 1)))
            parts.append(rows.set_index("image_id")["label"])
    chosen: pd.Series = pd.concat(parts).astype(np.int64)
    return chosen


def of_other_groups(duplicate_group: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(N,) bool: the images of duplicate groups that have no image of the reference.

    Args:
        duplicate_group: (N,) int.
        inside: (N,) bool, images of the reference, or near duplicates of some of it.
    """
    return ~np.isin(duplicate_group, duplicate_group[inside])
