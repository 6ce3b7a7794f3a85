"""Groups of images that are filtered apart from one another."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from winnow.filtering.kmeans import kmeans_centres, nearest
from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import LinearProbe, others_of

_L2 = 1e-2
_SMALLEST_SET = 5  # sets of box classes of fewer images share a group


def cluster_groups(points: np.ndarray, *, clusters: int, seed: int) -> np.ndarray:
    """(N,) int64 groups of k-means on (N, D) float32 points: no label is needed; equal points share one.

    Args:
        points: unit vectors.
        clusters: how many, at most N.
        seed: of the first centres.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    return nearest(points, kmeans_centres(points, clusters=clusters, seed=seed), k=1)[:, 0]


def group_labels(items: pd.DataFrame) -> np.ndarray | None:
    """(N,) int64 classes, or sets of box classes, by which shares are counted, -1 for images without a label among
    labelled ones; None where nothing is known.

    Args:
        items: as `winnow.filtering.items.item_tables` gives them.
    """
    labels = items["label"].to_numpy(dtype=str)
    if (labels != "").any():
        return np.unique(labels, return_inverse=True)[1] - int((labels == "").any())  # no label comes first
    if items["boxes"].any():
        return signature_groups(items["classes"].tolist(), at_least=_SMALLEST_SET)
    return None


def predicted_groups(
    features: np.ndarray, labels: np.ndarray, *, num_classes: int, folds: int, seed: int
) -> np.ndarray:
    """(N,) int64 classes by a linear probe of the other folds' labels: groups that wrong labels blur less.

    Args:
        features: (N, D) float32.
        labels: (N,) int in [0, num_classes), or -1 where there is none; those images are predicted by a probe of all.
        num_classes: K.
        folds: in how many parts the labelled images are predicted.
        seed: of the folds.
    """
    labels = np.asarray(labels)
    known = np.flatnonzero(labels >= 0)
    folds = min(folds, len(known))
    fold = np.full(len(labels), folds)
    fold[known] = stratified_group_folds(labels[known], np.arange(len(known)), folds=folds, seed=seed)
    training = others_of(fold)
    training[labels < 0] = False
    target = np.zeros((len(labels), num_classes), dtype=np.float32)
    target[known, labels[known]] = 1
    probe = LinearProbe(features)
    pred_probs = probe.predict(probe.fit(target, training, l2=_L2))
    predicted: np.ndarray = pred_probs[np.arange(len(labels)), fold].argmax(axis=1)
    return predicted


def signature_groups(signatures: Sequence[str], *, at_least: int) -> np.ndarray:
    """(N,) int64 groups of images with boxes: those with the same set of classes; sets of few images share a group.

    Args:
        signatures: the classes in an image, as one string.
        at_least: smaller sets go into one common group.
    """
    _, group, size = np.unique(np.asarray(signatures), return_inverse=True, return_counts=True)
    return np.unique(np.where(size[group] < at_least, -1, group), return_inverse=True)[1]
