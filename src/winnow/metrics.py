"""Balanced accuracy, the course's measure: every class counts alike, however many images it has."""

import numpy as np


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, *, num_classes: int) -> np.ndarray:
    """Count images by actual and predicted class.

    Args:
        labels: (N,) integers in [0, K), the true classes.
        predictions: (N,) integers in [0, K).
        num_classes: K.

    Returns:
        (K, K) int64; row = actual class, column = predicted class.

    Raises:
        ValueError: if lengths differ or a value lies outside [0, K).
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and predictions {predictions.shape} must both be (N,)")
    for name, values in (("labels", labels), ("predictions", predictions)):
        if len(values) and (values.min() < 0 or values.max() >= num_classes):
            raise ValueError(f"{name} must lie in [0, {num_classes}), found {values.min()} to {values.max()}")
    pairs = labels.astype(np.int64) * num_classes + predictions.astype(np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def per_class_recall(labels: np.ndarray, predictions: np.ndarray, *, num_classes: int) -> np.ndarray:
    """The share of each class's images that were predicted as that class.

    Returns:
        (K,) float64 in [0, 1], higher is better; NaN for a class without images. Arguments and errors are those of
        `confusion_matrix`.
    """
    counts = confusion_matrix(labels, predictions, num_classes=num_classes)
    actual = counts.sum(axis=1)
    recall: np.ndarray = np.divide(counts.diagonal(), actual, out=np.full(num_classes, np.nan), where=actual > 0)
    return recall


def balanced_accuracy(labels: np.ndarray, predictions: np.ndarray, *, num_classes: int) -> float:
    """The mean recall over the classes that occur in `labels` (Brodersen et al. 2010, doi 10.1109/ICPR.2010.764).

    A class without images has no recall and does not count, as in scikit-learn; it can still cost other classes'
    images that are predicted as it.

    Returns:
        a number in [0, 1], higher is better; 1 / K is chance. Arguments and errors are those of `confusion_matrix`.

    Raises:
        ValueError: also if there are no labels at all.
    """
    if len(labels) == 0:
        raise ValueError("balanced accuracy needs at least one image")
    return float(np.nanmean(per_class_recall(labels, predictions, num_classes=num_classes)))
