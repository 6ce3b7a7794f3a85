"""Why the accuracy differs between test sets: every pair of them, by the functions of `pipelines/shift`."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from winnow.encoders.registry import load_frozen
from winnow.evaluation.held_out import HeldOut
from winnow.shift.explain import explain

OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "leak_ratio": 0.3,
        "min_class_rows": 60,
        "min_part": 0.005,
        "bootstraps": 300,
        "permutations": 20,
        "slices": 30,
        "seed": 0,
    }
)
"""What pipelines/shift/params.yaml has under `explain`."""
_SETS = MappingProxyType({"models_a": "data/none", "models_b": "data/none"})
_TOLD = (
    *("verdict", "accuracy", "drop", "parts", "named", "named_classes", "withheld"),
    *("leaked", "label_errors", "two_samples"),
)


def explain_pairs(
    test_sets: Mapping[str, HeldOut],
    logits: Mapping[str, np.ndarray],
    leaks: Mapping[str, np.ndarray],
    *,
    training_labels: np.ndarray,
    class_names: Sequence[str],
    embed: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Take the difference of every two test sets apart, from the one named first (A) to the other (B).

    Args:
        test_sets: by name.
        logits: by name, (S, N, K) of one arm's networks, a row per seed.
        leaks: by name, (N,) bool: near duplicates of images that the networks were trained on.
        training_labels: (T,) int64 that they were trained on.
        class_names: K names, in label order.
        embed: section of the params. Of its encoders the first that is frozen tells images apart, or `plain`: one
            that is trained on the dataset knows no other images.

    Returns:
        `<a>_to_<b>`: figures of `winnow.shift.explain.explain` and its verdict. A set of leaks alone is left out, and
        of fewer than two sets there is nothing.
    """
    test_sets = {name: images for name, images in test_sets.items() if not leaks[name].all()}
    if len(test_sets) < 2:
        return {}
    encoder = load_frozen(embed, class_names=list(class_names))
    features = {
        name: encoder.embed_dataset(images.pixels, images.labels).features for name, images in test_sets.items()
    }
    none = pd.DataFrame({"row": [], "label": []})
    found = {}
    for a, b in combinations(test_sets, 2):
        sets = {"a": a, "b": b}
        summary = explain(
            {side: test_sets[name].labels for side, name in sets.items()},
            {side: softmax(logits[name], axis=2) for side, name in sets.items()},
            {"train": np.empty((0, 0), np.float32), **{side: features[name] for side, name in sets.items()}},
            train_labels=training_labels,
            rows=dict.fromkeys(("train", "a", "b"), none),
            class_names=list(class_names),
            training={},
            sets=_SETS,
            options=OPTIONS,
            leaked={side: leaks[name] for side, name in sets.items()},
        ).summary
        found[f"{a}_to_{b}"] = {"a": a, "b": b, **{key: summary[key] for key in _TOLD}}
    return found
