"""The outlier scores of all filtered images as a table, and how they were found."""

from typing import Any

import numpy as np
import pandas as pd

from winnow.filtering.kmeans import MOST_EXACT
from winnow.filtering.outlier_agreement import outlier_agreement
from winnow.filtering.outlier_blocks import block_density_tree
from winnow.filtering.outliers import density_tree, leaving_height, outlier_order


def outlier_scores(
    image_id: np.ndarray, points: np.ndarray, *, min_samples: int, most_exact: int = MOST_EXACT
) -> pd.DataFrame:
    """`image_id`, `outlier_rank` (1 is the oddest), `core_distance`, `leaving_height` of (N,) ids, (N, D) points.

    Args:
        image_id: (N,) str.
        points: (N, D) float32, rows of length 1.
        min_samples: of `winnow.filtering.outliers.density_tree`.
        most_exact: images above which the tree is built in blocks (`winnow.filtering.outlier_blocks`).
    """
    build = density_tree if len(points) <= most_exact else block_density_tree
    tree = build(points, min_samples=min_samples)
    rank = np.empty(len(image_id), dtype=np.int64)
    rank[outlier_order(tree)] = np.arange(1, len(image_id) + 1)
    return pd.DataFrame(
        {
            "image_id": image_id,
            "outlier_rank": rank,
            "core_distance": tree.core_distance,
            "leaving_height": leaving_height(tree),
        }
    )


def outlier_figures(points: np.ndarray, *, min_samples: int, most_exact: int = MOST_EXACT) -> dict[str, Any]:
    """Counts, and under `blocks` how well the order agrees with the exact one's where it was found in blocks.

    Args:
        points, min_samples, most_exact: as for `outlier_scores`.
    """
    found: dict[str, Any] = {"images": len(points)}
    if len(points) > most_exact:
        found["blocks"] = outlier_agreement(points, min_samples=min_samples).figures()
    return found
