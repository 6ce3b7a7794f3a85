"""What came of it: accuracies on the test set, and the errors that were found."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import nn

from winnow.errors import WinnowError
from winnow.metrics import balanced_accuracy
from winnow.models.predict import predict

_BATCH = 256


def arm_accuracy(
    networks: Sequence[nn.Module], pixels: np.ndarray, labels: np.ndarray, seen: np.ndarray
) -> dict[str, float]:
    """Means over networks, each in [0, 1]: plain accuracy, which the leaderboard shows, also without the test images
    that are among the released ones, where others are left; and balanced accuracy.

    Args:
        networks: of one arm.
        pixels: (N, 32, 32, 3) float32.
        labels: (N,) integers.
        seen: (N,) bool: released, too.
    """
    logits = np.stack([predict(network, pixels, batch_size=_BATCH) for network in networks])  # (networks, N, K)
    predicted, classes = logits.argmax(axis=2), logits.shape[2]
    correct = predicted == labels
    figures = {
        "accuracy": correct.mean(),
        **({} if seen.all() else {"accuracy_unseen": correct[:, ~seen].mean()}),
        "balanced_accuracy": np.mean([balanced_accuracy(labels, one, num_classes=classes) for one in predicted]),
    }
    return {name: round(float(value), 4) for name, value in figures.items()} | {"networks": len(predicted)}


def found_errors(decided: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """What a truth file says of a round: an error is a wrong label or an image of no class.

    Args:
        decided: a table of a round.
        truth: `image_id`, `true_label` (-1 for no class), of some of the images.

    Returns:
        Figures in [0, 1]. Those that nothing measures are left out: `auroc` and `average_precision` where all labels
        are right or all wrong, `right_after` where nothing is kept.

    Raises:
        WinnowError: if it is of none of the images.
    """
    joined = decided.merge(truth, on="image_id", validate="1:1")
    if joined.empty:
        raise WinnowError(
            "the truth file names none of the archive's images; give their paths inside it in the column image_id, or "
            "set competition.truth to data/none."
        )
    wrong = (joined["label"] != joined["true_label"]).to_numpy()
    changed = (joined["label"] != joined["final_label"]).to_numpy()
    relabelled = changed & (joined["final_label"] >= 0).to_numpy()
    right = (joined["final_label"] == joined["true_label"]).to_numpy()
    kept = (joined["final_label"] >= 0).to_numpy()
    score = -joined["label_quality_score"].to_numpy()
    ranking = {"auroc": roc_auc_score, "average_precision": average_precision_score}
    figures = {
        **({name: measure(wrong, score) for name, measure in ranking.items()} if len(set(wrong)) == 2 else {}),
        "precision": (wrong & changed).sum() / max(changed.sum(), 1),
        "recall": (wrong & changed).sum() / max(wrong.sum(), 1),
        "relabelled_rightly": (relabelled & right).sum() / max(relabelled.sum(), 1),
        "right_before": 1 - wrong.mean(),
        **({"right_after": right[kept].mean()} if kept.any() else {}),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}
