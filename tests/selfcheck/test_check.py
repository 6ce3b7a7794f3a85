"""The whole self-check, with each kind of encoder, on images that are decoded when they are asked for."""

import numpy as np
import pandas as pd
import pytest

from curation_data import THRESHOLDS
from tiny_project import encoded, picture
from winnow.curation.rules import RULES
from winnow.data.pixels import DecodedPixels
from winnow.encoders.base import Embedding
from winnow.selfcheck.check import self_check

NAMES = ["disc", "bars", "cross"]
OPTIONS = {
    "faults": {"label_flips": 0.2, "ood": 0.05, "duplicates": 0.05, "seed": 0},
    "duplicates": {"max_hash_distance": 2, "min_similarity": 0.98},
    "crossval": {"folds": 3, "l2_candidates": [0.1], "seeds": [0]},
    "label_issues": {"neighbours": 8},
    "ood": {"neighbours": 10, "trim": 0.2},
    "curate": THRESHOLDS,
}


class NoisyEncoder:
    """An encoder that keeps the features that it is given, and adds noise for new pictures."""

    name = "noisy"

    def __init__(self, *, is_fitted: bool) -> None:
        self.is_fitted, self.extended_by = is_fitted, 0

    def embed_extended(self, pixels, labels, before, *, scratch=None) -> Embedding:
        self.extended_by = len(pixels) - len(before.features)
        assert len(labels) == len(pixels) and pixels[-1:].dtype == np.uint8
        noise = np.random.default_rng(1).normal(size=(self.extended_by, 4))
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        return Embedding(np.concatenate([before.features, noise.astype(np.float32)]), before.fingerprint)


@pytest.mark.parametrize("is_fitted", [False, True])
def test_planted_faults_are_counted_whatever_the_encoder(is_fitted):
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    stored = np.empty(120, dtype=object)
    stored[:] = [encoded(picture(label, rng)) for label in labels]
    features = np.eye(4)[labels] + rng.normal(0, 0.05, (120, 4))
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    decisions = pd.DataFrame(
        {
            "image_id": [f"img_{i:03d}" for i in range(120)],
            "label": labels,
            "suggested_label": labels,
            "rule": "keep",
            "duplicate_kind": "",
            **{rule.flag: False for rule in RULES if rule.flag},
            "flagged_duplicate": np.arange(120) < 12,
        }
    )
    encoder = NoisyEncoder(is_fitted=is_fitted)
    result = self_check(
        decisions,
        DecodedPixels(stored),
        np.eye(3, dtype=np.float32)[labels],
        {"features": features, "encoder": np.array("{}")},
        encoder,
        class_names=NAMES,
        **OPTIONS,
    )
    metrics = result.metrics
    assert metrics["enabled"] and metrics["images"] == 120 and metrics["believed_clean"] == 108
    assert metrics["encoder_trained_again"] is is_fitted
    assert encoder.extended_by == 12 == metrics["ood.planted"] + metrics["duplicate.planted"]
    assert metrics["label.planted"] == 21 and metrics["label.recall"] > 0.9
    assert sum(metrics[f"label.fates.{name}"] for name in ("relabelled_rightly", "relabelled_wrongly", "dropped")) <= 21
    assert result.sentence.startswith(f"found {metrics['label.found']} of 21 planted label flips, ")
    assert set(result.table["fault"]) == {"label", "ood", "duplicate"}
