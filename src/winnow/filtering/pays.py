"""The comparison of rules on a dataset: who is asked, and who cannot be."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from winnow.filtering.compare import Comparison, compare, draw_pools

_NOTHING = pd.DataFrame(columns=["rule", "kept", "accuracy", "difference", "low", "high"]).astype(
    {"rule": str} | dict.fromkeys(("kept", "accuracy", "difference", "low", "high"), np.float64)
)
_LEAST = 50


def pays(
    items: pd.DataFrame, features: np.ndarray, *, shares: Sequence[float], pools: int, l2: float, seed: int
) -> Comparison:
    """Compare rules on the labelled filtered images, by those of a test or validation split if these have labels.

    Args:
        items: of N images.
        features: (N, D) of any precision, also a memory map.
        shares, l2, seed: of `winnow.filtering.compare.compare`.
        pools: how many draws of 80 % of the images.

    Returns:
        The comparison; empty, and saying why, where fewer than 50 images have labels or all have one.
    """
    label = items["label"].to_numpy(dtype=str)
    number = np.unique(label, return_inverse=True)[1]
    own = np.flatnonzero(items["is_filtered"].to_numpy() & (label != ""))
    asked = np.array([], dtype=np.int64)
    for split in ("test", "val"):
        if not len(asked):
            asked = np.flatnonzero((items["split"] == split) & ~items["is_filtered"] & (label != ""))
            asked = asked[np.isin(number[asked], number[own])]
    if len(own) < _LEAST or len(set(number[own])) < 2:
        sentence = f"Not compared: {len(own)} filtered images have labels of {len(set(number[own]))} classes."
        return Comparison(_NOTHING, float("nan"), float("nan"), sentence)
    return compare(
        np.asarray(features[own]),
        number[own],
        shares=shares,
        pools=draw_pools(len(own), pools=pools, seed=seed),
        test_features=np.asarray(features[asked]) if len(asked) else None,
        test_labels=number[asked] if len(asked) else None,
        l2=l2,
        seed=seed,
    )
