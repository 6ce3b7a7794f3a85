"""What people decided about the images of a dataset that is filtered."""

from pathlib import Path

import pandas as pd

from winnow.curation.review import Review, digests, read_review
from winnow.errors import WinnowError


def read_verdicts(path: Path, items: pd.DataFrame) -> Review:
    """Read and check `decisions.csv`, which holds `keep` and `drop`.

    Args:
        path: as of `winnow.curation.review.read_review`.
        items: of all images, with `image_id`, `label`, `bytes_sha256` and `is_filtered`.

    Returns:
        Rows of filtered images, and a warning where rows are of none.

    Raises:
        WinnowError: as `read_review` does, and if an image is given another label.
    """
    class_names = sorted(set(items["label"]) - {""})
    review = read_review(path, images=digests(items[items["is_filtered"]]), class_names=class_names)
    relabelled = review.rows.loc[review.rows["action"] == "relabel", "image_id"]
    if len(relabelled):
        raise WinnowError(f"{path}: {relabelled.iloc[0]} is relabelled; filter knows keep and drop alone.")
    return review
