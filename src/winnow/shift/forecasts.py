"""The accuracy on B foretold without its labels. How wrong such forecasts are shows where B has labels."""

import numpy as np

from winnow.shift.test_set import TestSet


def forecasts(a: TestSet, b: TestSet) -> dict[str, float]:
    """The accuracy on B by three methods that see the labels of A alone.

    - `atc`: the share of B above the confidence (negative entropy) that as large a share of A exceeds as A has correct
      rows (Garg et al., arXiv 2201.04234).
    - `doc`: A's accuracy less the drop in mean confidence (Guillory et al., arXiv 2107.03315).
    - `bbse`: A's recalls at the class shares of B that A's confusions and B's predictions imply, for changed shares
      alone (Lipton et al., arXiv 1802.03916).

    Returns:
        Accuracies in [0, 1] by method; `bbse` is absent where A lacks a class, or its confusions cannot be inverted.
    """
    entropy_a, entropy_b = (
        -(probs * np.log(np.maximum(probs, 1e-12))).sum(axis=1) for probs in (a.pred_probs, b.pred_probs)
    )
    threshold = np.quantile(entropy_a, a.accuracy)
    confidence_a, confidence_b = (float(rows.pred_probs.max(axis=1).mean()) for rows in (a, b))
    found = {
        "atc": float((entropy_b <= threshold).mean()),
        "doc": float(np.clip(a.accuracy - (confidence_a - confidence_b), 0, 1)),
    }
    shares = label_shares(a, b)
    if shares is not None:
        recall = np.bincount(a.labels, a.correct, a.num_classes) / np.bincount(a.labels, minlength=a.num_classes)
        found["bbse"] = float(shares @ recall)
    return found


def label_shares(a: TestSet, b: TestSet) -> np.ndarray | None:
    """(K,) the class shares of B that explain its predictions, if only the shares differ from A's; None if unknown."""
    count = np.bincount(a.labels, minlength=a.num_classes)
    if (count == 0).any():
        return None
    predicted = np.zeros((a.num_classes, a.num_classes))  # P(predicted | true), a column a true class
    np.add.at(predicted.T, a.labels, a.pred_probs)
    predicted /= count
    if np.linalg.cond(predicted) > 1e4:
        return None
    shares = np.clip(np.linalg.solve(predicted, b.pred_probs.mean(axis=0)), 0, None)
    return np.asarray(shares / max(shares.sum(), 1e-12))
