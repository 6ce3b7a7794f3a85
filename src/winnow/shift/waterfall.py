"""Why accuracy drops from test set A to test set B: parts that sum to the drop.

Each part is the change of one weighting of the rows into the next, in the order that tells the truth: rows that the
classifier was trained on go first, then wrong labels, then A takes the class shares of B. What is left lies inside
classes, and there, where the sets overlap, a classifier of sets leads from A to what both share and on to B:

- leaks: training rows among the test rows;
- wrong_labels: labels of B, or A, that are wrong: those that people found wrong, and of the rest an estimate;
- class_shares: B holds more of the classes that are hard;
- harder: within classes, B holds more of the hard kinds of rows that A has too;
- other_answers: rows that look alike are answered worse in B;
- unseen: B holds kinds of rows that A has few of;
- withheld: within classes in which A and B hardly overlap, or that have few rows; not told apart further.

Sources: Cai, Namkoong and Yadlowsky, arXiv 2303.02011 (the last split); the order is that of the measurements in
docs/shift.md: changed class shares look like other answers, and wrong labels like harder rows, unless they go first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm

from winnow.errors import WinnowError
from winnow.shift.domain import MOST_AUC, Domain, apart, class_auc, tell_apart
from winnow.shift.test_set import TestSet
from winnow.shift.wrong_labels import LabelEvidence, label_evidence

PARTS = ("leaks", "wrong_labels", "class_shares", "harder", "other_answers", "unseen", "withheld")
WORDS: Mapping[str, str] = {
    "leaks": "training rows among the test rows",
    "wrong_labels": "wrong labels",
    "class_shares": "other class shares",
    "harder": "harder rows of kinds that A has too",
    "other_answers": "other answers for rows that look alike",
    "unseen": "rows of kinds that A lacks",
    "withheld": "inside classes, not told apart further",
}
_HALF_95 = float(norm.ppf(0.975))
_CHANCE = 0.02  # that any part of a drop of nothing is called sure; likewise any class
_CELLS = 2_000_000  # of one batch of resamples


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, and whether it is sure: beyond chance among all figures asked for."""

    value: float
    low: float
    high: float
    sure: bool

    def record(self) -> dict[str, float | bool]:
        """For JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "sure": self.sure}


@dataclass(frozen=True)
class Waterfall:
    """The parts of a drop.

    Attributes:
        drop: accuracy of A less that of B, positive where B is worse.
        parts: by the names of `PARTS`; their values sum to the drop's.
        by_class: (K,) the part of each class's own rows, at B's share of it; they sum to the last four parts.
        auc: (K,) float64 how well the sets are told apart within each class; NaN where that was not asked.
        withheld: of each class that is withheld, why.
        label_errors_a, label_errors_b: (N,) and (M,) float64 P(the label as given is wrong), 0 or 1 where people
            judged; zeros elsewhere without features.
        suggested_a, suggested_b: (N,) and (M,) int64 the class that the label would be instead.
    """

    drop: Estimate
    parts: Mapping[str, Estimate]
    by_class: Mapping[int, Estimate]
    auc: np.ndarray
    withheld: Mapping[int, str]
    label_errors_a: np.ndarray
    label_errors_b: np.ndarray
    suggested_a: np.ndarray
    suggested_b: np.ndarray

    def named(self) -> list[str]:
        """The parts that are surely there and large enough to matter, the largest first."""
        sure = [name for name, part in self.parts.items() if part.sure]
        return sorted(sure, key=lambda name: -abs(self.parts[name].value))

    def named_classes(self) -> list[int]:
        """Likewise the classes, the largest part first."""
        sure = [label for label, part in self.by_class.items() if part.sure]
        return sorted(sure, key=lambda label: -abs(self.by_class[label].value))


@dataclass(frozen=True)
class _Side:
    """What the weightings need of one set: rows sorted by class."""

    rows: TestSet
    leaked: np.ndarray
    evidence: LabelEvidence | None
    towards_shared: np.ndarray
    order: np.ndarray = field(init=False)
    starts: np.ndarray = field(init=False)
    present: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        order = np.argsort(self.rows.labels, kind="stable")
        present, starts = np.unique(self.rows.labels[order], return_index=True)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "present", present)
        object.__setattr__(self, "starts", starts)

    def by_class(self, values: np.ndarray) -> np.ndarray:
        """(R, K) sums of (R, N) values over the rows of each class."""
        sums = np.zeros((len(values), self.rows.num_classes))
        sums[:, self.present] = np.add.reduceat(values[:, self.order], self.starts, axis=1)
        return sums

    def measures(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """The accuracy under each weighting, for (R, N) counts of the rows."""
        rows, open_rows = self.rows, ~self.rows.seen
        kept = counts * ~self.leaked
        right = kept * ~rows.removed
        if self.evidence is not None:
            right = right * (1 - self.evidence.error_probability(right) * open_rows)
        shared = right * self.towards_shared
        return {
            "all": _ratio((counts * rows.as_given).sum(axis=1), counts.sum(axis=1)),
            "kept": _ratio((kept * rows.as_given).sum(axis=1), kept.sum(axis=1)),
            "right": _ratio((right * rows.correct).sum(axis=1), right.sum(axis=1)),
            "rows": self.by_class(right),
            "hits": self.by_class(right * rows.correct),
            "shared_rows": self.by_class(shared),
            "shared_hits": self.by_class(shared * rows.correct),
        }


def waterfall(
    a: TestSet,
    b: TestSet,
    *,
    leaked_a: np.ndarray | None = None,
    leaked_b: np.ndarray | None = None,
    min_class_rows: int = 60,
    min_part: float = 0.005,
    bootstraps: int = 300,
    seed: int = 0,
) -> Waterfall:
    """Take the drop apart.

    Args:
        a, b: the two sets, by one classifier. Without features the parts `wrong_labels`, `harder`, `other_answers` and
            `unseen` are not told from `withheld`. Labels that people judged are taken as they found them, and what
            that changes is part of `wrong_labels`.
        leaked_a, leaked_b: (N,) and (M,) bool, rows that the classifier was trained on; none without them.
        min_class_rows: a class with fewer rows in either set is not split by itself but together with all such.
        min_part: a part smaller than this is never called sure.
        bootstraps: resamples of the rows of both sets for the intervals.
        seed: of folds and resamples.

    Returns:
        The parts, each with a 95 % interval of the normal distribution. A part is sure if its interval at a level
        that all parts share (2 % together, Bonferroni) leaves out 0; likewise a class among all classes.

    Raises:
        WinnowError: if every row of a set was trained on.
    """
    num_classes = a.num_classes
    leaked_a = np.zeros(len(a.labels), bool) if leaked_a is None else leaked_a
    leaked_b = np.zeros(len(b.labels), bool) if leaked_b is None else leaked_b
    for name, leaked in (("A", leaked_a), ("B", leaked_b)):
        if leaked.all():
            raise WinnowError(
                f"every row of set {name} is a training row; name a test set that the classifier was not trained on."
            )
    left_a, left_b = ~leaked_a & ~a.removed, ~leaked_b & ~b.removed
    evidence_a, evidence_b = _evidence(a, left_a, seed), _evidence(b, left_b, seed)
    errors_a, errors_b = _errors(a, left_a, evidence_a), _errors(b, left_b, evidence_b)
    weights_a, weights_b = (1 - errors_a) * left_a, (1 - errors_b) * left_b
    towards_a, towards_b, auc, withheld = _overlaps(a, b, weights_a, weights_b, min_class_rows, seed)
    side_a, side_b = _Side(a, leaked_a, evidence_a, towards_a), _Side(b, leaked_b, evidence_b, towards_b)
    told = np.array([label not in withheld for label in range(num_classes)])

    point = _parts(side_a, side_b, np.ones((1, len(a.labels))), np.ones((1, len(b.labels))), told)
    resampled = _resampled(side_a, side_b, told, bootstraps, seed)
    shared = np.intersect1d(a.labels[~a.removed], b.labels[~b.removed])

    def estimate(name: str, among: int) -> Estimate:
        value, spread = float(point[name][0]), float(resampled[name].std(ddof=1))
        reach = _HALF_95 * spread
        surely = float(norm.ppf(1 - _CHANCE / (2 * among)))
        sure = abs(value) >= min_part and abs(value) > surely * spread
        return Estimate(value, value - reach, value + reach, sure)

    return Waterfall(
        drop=estimate("drop", 1),
        parts={name: estimate(name, len(PARTS)) for name in PARTS},
        by_class={int(label): estimate(f"class {label}", len(shared)) for label in shared},
        auc=auc,
        withheld=withheld,
        label_errors_a=_known(a, errors_a),
        label_errors_b=_known(b, errors_b),
        suggested_a=_suggested(a, evidence_a),
        suggested_b=_suggested(b, evidence_b),
    )


def _evidence(rows: TestSet, counted: np.ndarray, seed: int) -> LabelEvidence | None:
    if rows.features is None or not counted.any() or rows.num_classes < 2:
        return None
    known = None if rows.checked is None else np.where(rows.seen, rows.checked.wrong, np.nan)
    return label_evidence(rows.labels, rows.pred_probs, rows.features, counted=counted, seed=seed, known=known)


def _errors(rows: TestSet, counted: np.ndarray, evidence: LabelEvidence | None) -> np.ndarray:
    """(N,) P(the label is wrong), as it is after people corrected it."""
    if evidence is None:
        return np.zeros(len(rows.labels))
    errors: np.ndarray = evidence.error_probability(counted[None])[0] * ~rows.seen
    return errors


def _known(rows: TestSet, errors: np.ndarray) -> np.ndarray:
    """(N,) P(the label as given is wrong)."""
    return errors if rows.checked is None else np.where(rows.seen, rows.checked.wrong, errors)


def _suggested(rows: TestSet, evidence: LabelEvidence | None) -> np.ndarray:
    """(N,) the class that the label would be instead; where people named it, theirs."""
    others = rows.labels if evidence is None else evidence.other_class
    return others if rows.checked is None else np.where(rows.seen & ~rows.removed, rows.labels, others)


def _overlaps(
    a: TestSet, b: TestSet, weights_a: np.ndarray, weights_b: np.ndarray, min_class_rows: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[int, str]]:
    """Weights towards what both sets share, the AUC of each class, and why classes are withheld.

    A row of A is weighted by the probability of B, a row of B by that of A: both then have the density that is in
    proportion to ab / (a + b).
    """
    towards_a, towards_b = np.ones(len(a.labels)), np.ones(len(b.labels))
    auc = np.full(a.num_classes, np.nan)
    withheld: dict[int, str] = {}
    counts_a, counts_b = (np.bincount(rows.labels[~rows.removed], minlength=a.num_classes) for rows in (a, b))
    both = np.flatnonzero((counts_a > 0) & (counts_b > 0))
    if a.features is None or b.features is None:
        return towards_a, towards_b, auc, dict.fromkeys(both.tolist(), "there are no features")
    large = [label for label in both.tolist() if min(counts_a[label], counts_b[label]) >= min_class_rows]
    small = [label for label in both.tolist() if label not in large]
    groups = [[label] for label in large] + ([small] if small else [])
    for group in groups:
        rows_a, rows_b = np.isin(a.labels, group) & ~a.removed, np.isin(b.labels, group) & ~b.removed
        balanced = weights_a[rows_a] * (counts_b / np.maximum(counts_a, 1))[a.labels[rows_a]]
        if min(rows_a.sum(), rows_b.sum()) < min_class_rows:
            reason = f"there are fewer than {min_class_rows} rows of it in a set"
        elif balanced.sum() <= 0 or weights_b[rows_b].sum() <= 0:
            reason = "no row of it is left in a set"
        else:
            domain: Domain = tell_apart(
                a.features[rows_a],
                b.features[rows_b],
                weights_a=balanced,
                weights_b=weights_b[rows_b],
                seed=seed,
            )
            towards_a[rows_a], towards_b[rows_b] = domain.of_a, 1 - domain.of_b
            reason = domain.withheld
            for label in group:
                one_a, one_b = domain.of_a[a.labels[rows_a] == label], domain.of_b[b.labels[rows_b] == label]
                auc[label] = domain.auc if len(group) == 1 else class_auc(one_a, one_b)
                if auc[label] > MOST_AUC and not reason:
                    withheld[label] = apart(auc[label])
        if reason:
            withheld.update(dict.fromkeys(group, reason))
    return towards_a, towards_b, auc, withheld


def _parts(a: _Side, b: _Side, counts_a: np.ndarray, counts_b: np.ndarray, told: np.ndarray) -> dict[str, np.ndarray]:
    """(R,) of every part, of the drop and of each class."""
    of_a, of_b = a.measures(counts_a), b.measures(counts_b)
    common = (of_a["rows"] > 0) & (of_b["rows"] > 0)
    share = _ratio(of_b["rows"] * common, (of_b["rows"] * common).sum(axis=1, keepdims=True))
    recall_a, recall_b = _ratio(of_a["hits"], of_a["rows"]), _ratio(of_b["hits"], of_b["rows"])
    shared_a = _ratio(of_a["shared_hits"], of_a["shared_rows"], otherwise=recall_a)
    shared_b = _ratio(of_b["shared_hits"], of_b["shared_rows"], otherwise=recall_b)
    within = share * (recall_a - recall_b)
    at_shares_of_b, of_common = (share * recall_a).sum(axis=1), (share * recall_b).sum(axis=1)
    return {
        "drop": of_a["all"] - of_b["all"],
        "leaks": (of_a["all"] - of_a["kept"]) - (of_b["all"] - of_b["kept"]),
        "wrong_labels": (of_a["kept"] - of_a["right"]) - (of_b["kept"] - of_b["right"]),
        "class_shares": (of_a["right"] - at_shares_of_b) - (of_b["right"] - of_common),
        "harder": (share * told * (recall_a - shared_a)).sum(axis=1),
        "other_answers": (share * told * (shared_a - shared_b)).sum(axis=1),
        "unseen": (share * told * (shared_b - recall_b)).sum(axis=1),
        "withheld": (within * ~told).sum(axis=1),
        **{f"class {label}": within[:, label] for label in range(len(told))},
    }


def _resampled(a: _Side, b: _Side, told: np.ndarray, bootstraps: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = len(a.rows.labels), len(b.rows.labels)
    batch = max(1, _CELLS // max(sizes))
    found: list[dict[str, np.ndarray]] = []
    for start in range(0, bootstraps, batch):
        counts = [rng.multinomial(size, np.full(size, 1 / size), min(batch, bootstraps - start)) for size in sizes]
        found.append(_parts(a, b, counts[0], counts[1], told))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _ratio(above: np.ndarray, below: np.ndarray, *, otherwise: np.ndarray | float = 0.0) -> np.ndarray:
    """Quotients, `otherwise` where the divisor is 0."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    result = np.broadcast_to(np.asarray(otherwise, dtype=np.float64), shape).copy()
    np.divide(above, below, out=result, where=np.broadcast_to(below > 0, shape))
    return result
