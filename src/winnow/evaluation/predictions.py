"""The predictions of every seed on every image: what two runs are compared by, image by image."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def predictions_table(
    predictions: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    image_id: Mapping[str, np.ndarray],
    *,
    seeds: Sequence[int],
    class_names: Sequence[str],
    leaks: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """One arm's predictions, a row per split and image.

    Args:
        predictions: by split, (S, N) integers in [0, K), a row per seed.
        labels: by split, (N,) integers in [0, K), the true classes.
        image_id: by split, (N,) unique ids.
        seeds: S seeds, in the order of the rows.
        class_names: K names, in label order.
        leaks: by split, where there are any, (N,) bool: near duplicates of what may have been trained on.

    Returns:
        `split`, `image_id`, `leaks` (0 or 1), `label` and a column `seed-<s>` per seed (class names), sorted by
        `split` and `image_id`.
    """
    names = np.asarray(class_names, dtype=object)
    parts = []
    for split, predicted in predictions.items():
        if len(predicted) != len(seeds):
            raise ValueError(f"{len(predicted)} rows of predictions on the {split} split, but {len(seeds)} seeds")
        part = {
            "split": split,
            "image_id": image_id[split],
            "leaks": leaks[split].astype(int) if split in leaks else 0,
            "label": names[labels[split]],
        }
        part |= {f"seed-{seed}": names[row] for seed, row in zip(seeds, predicted, strict=True)}
        parts.append(pd.DataFrame(part))
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["split", "image_id"], ignore_index=True)
