"""Pairs of test sets that differ in one known way, to check the waterfall by.

Rows are drawn from one normal distribution a class, some classes nearer to one another than others. Most features say
nothing, so that a classifier learns its training rows by heart to a degree. Every set is drawn anew.
"""

from dataclasses import dataclass

import numpy as np

from winnow.learn.probe import LinearProbe
from winnow.shift.test_set import TestSet

CLASSES = 10
TELLING, FEATURES = 24, 96
HARD = (2, 3, 5)
"""The classes that lie nearest to others."""
BLURRED = 8
CASES = ("nothing", "class_shares", "one_class", "all_classes", "wrong_labels", "leaks")


@dataclass(frozen=True)
class Planted:
    """Two test sets and what was planted in them.

    Attributes:
        a, b: the sets.
        train: (T, D) float32 features that the classifier was trained on.
        leaked: (N,) bool rows of A that are training rows.
        true_part: the part of the drop that the cause explains: the accuracy of the set without it less that with it,
            on the very rows drawn; 0 for `nothing`.
    """

    a: TestSet
    b: TestSet
    train: np.ndarray
    leaked: np.ndarray
    true_part: float


def plant(
    case: str,
    *,
    rows: int,
    train_rows: int,
    seed: int,
    classes: int = CLASSES,
    spread: float = 0.62,
    wrong_share: float = 0.08,
) -> Planted:
    """Draw a training set, fit a classifier, draw two test sets and plant a cause.

    Args:
        case: of `CASES`: nothing; B holds 70 % of the classes `HARD`; the class `BLURRED` of B is blurred, or all of B
            a little; a share of B's labels is wrong; a sixth of A are training rows.
        rows: of each test set.
        train_rows: of the training set.
        seed: of everything.
        classes: K, more than `BLURRED` where that is planted.
        spread: standard deviation of the classes' means, that of the rows is 1: the smaller, the harder.
        wrong_share: of B's labels, for `wrong_labels`.
    """
    rng = np.random.default_rng(seed)
    means = rng.normal(0, spread, size=(classes, TELLING))
    hard = [label for label in HARD if label < classes]
    centre = means[hard].mean(axis=0)
    means[hard] = centre + 0.45 * (means[hard] - centre)
    towards = rng.normal(size=FEATURES)
    towards *= 6 / np.linalg.norm(towards)

    def drawn(labels: np.ndarray) -> np.ndarray:
        features = rng.normal(size=(len(labels), FEATURES))
        features[:, :TELLING] += means[labels]
        return features.astype(np.float32)

    train_labels = rng.integers(0, classes, train_rows)
    train = drawn(train_labels)
    labels_a, labels_b = rng.integers(0, classes, rows), rng.integers(0, classes, rows)
    if case == "class_shares":
        share = [0.7 / len(hard) if label in hard else 0.3 / (classes - len(hard)) for label in range(classes)]
        labels_b = rng.choice(classes, rows, p=share)
    a, b = drawn(labels_a), drawn(labels_b)
    clear, given = b.copy(), labels_b.copy()
    leaked = np.zeros(rows, dtype=bool)
    if case == "one_class":
        b[labels_b == BLURRED] = 0.25 * b[labels_b == BLURRED] + towards
    elif case == "all_classes":
        b = (0.6 * b + 0.8 * towards).astype(np.float32)
    elif case == "wrong_labels":
        wrong = rng.permutation(rows)[: round(wrong_share * rows)]
        given[wrong] = (given[wrong] + rng.integers(1, classes, len(wrong))) % classes
    elif case == "leaks":
        leaked[rng.permutation(rows)[: rows // 6]] = True
        sources = rng.permutation(train_rows)[: int(leaked.sum())]
        a[leaked], labels_a[leaked] = train[sources], train_labels[sources]

    probe = LinearProbe(np.concatenate([train, a, b, clear]), directions=FEATURES)
    fitted = np.zeros((train_rows + 3 * rows, 1), dtype=np.float32)
    fitted[:train_rows] = 1
    target = np.eye(classes, dtype=np.float32)[np.concatenate([train_labels, labels_a, given, labels_b])]
    probs = probe.predict(probe.fit(target, fitted, l2=1e-3))[train_rows:, 0]
    of_a, of_b, of_clear = probs[:rows], probs[rows : 2 * rows], probs[2 * rows :]
    hits_a, hits_b = of_a.argmax(axis=1) == labels_a, of_b.argmax(axis=1) == given
    match case:
        case "nothing":
            true_part = 0.0
        case "class_shares":
            recall = np.array([hits_a[labels_a == label].mean() for label in range(classes)])
            true_part = float(hits_a.mean() - recall[labels_b].mean())
        case "one_class" | "all_classes":
            true_part = float((of_clear.argmax(axis=1) == labels_b).mean() - hits_b.mean())
        case "wrong_labels":
            true_part = float(hits_b[given == labels_b].mean() - hits_b.mean())
        case _:
            true_part = float(hits_a.mean() - hits_a[~leaked].mean())
    return Planted(
        a=TestSet.of_seeds(labels_a, of_a[None], a),
        b=TestSet.of_seeds(given, of_b[None], b),
        train=train,
        leaked=leaked,
        true_part=true_part,
    )
