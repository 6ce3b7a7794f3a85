"""Places for images of which no pipeline has made a map."""

import numpy as np
import pandas as pd

from winnow.learn.projection import project


def principal_places(features: np.ndarray) -> tuple[pd.DataFrame, str]:
    """`places` and `projection` of `winnow.review.shown.Shown`, by the principal components of (N, D) features."""
    three, two, method = project(features, method="pca", neighbours=2, min_distance=0.0, seed=0)
    return pd.DataFrame(np.hstack([three, two]), columns=["x3", "y3", "z3", "x2", "y2"]), method
