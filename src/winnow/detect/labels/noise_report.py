"""How much label noise there is, and where it goes: three estimates that rest on different assumptions."""

import numpy as np
import pandas as pd

from winnow.detect.labels.label_issues import LabelScores
from winnow.detect.labels.noise import consistency_noise_rates

_MOST_CLASSES = 100  # the consistency estimate takes time as their number to the fourth: a minute at 100, hours at 300


def noise_estimates(labels: np.ndarray, scores: LabelScores) -> dict[str, float | None]:
    """Estimate the share of wrong labels three times; none of them needs the truth.

    Args:
        labels: (N,) int in [0, K), as given.
        scores: of `score_labels`.

    Returns:
        Shares in [0, 1]: `disagreement` (the sources' most probable class is another; counts their own mistakes as
        noise, so high where the features are weak), `confident_joint` (the mean probability of the given label being
        wrong, under the rates of the confident joint; low where noise is adversarial), `consistency` (HOC: from how
        often neighbours' labels agree; high where neighbours are of other classes; None above 100 classes).
    """
    consistency = None
    if len(scores.noise_rates) <= _MOST_CLASSES:
        rates, shares = consistency_noise_rates(labels, scores.nearest)
        consistency = float(1 - (np.diag(rates) * shares).sum())
    return {
        "disagreement": float((scores.class_probs.argmax(axis=1) != labels).mean()),
        "confident_joint": float(1 - scores.frame["label_quality_score"].mean()),
        "consistency": consistency,
    }


def transition_table(noise_rates: np.ndarray, class_names: list[str]) -> pd.DataFrame:
    """The noise transition matrix in long form: `true`, `given` (class names), `probability` of given under true."""
    count = len(class_names)
    return pd.DataFrame(
        {
            "true": np.repeat(class_names, count),
            "given": np.tile(class_names, count),
            "probability": noise_rates.ravel(),
        }
    )
