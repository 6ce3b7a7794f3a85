"""Does choosing pay? A probe learns from what each rule keeps, and is asked about images that no rule saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from winnow.filtering.rules import RULES, Rule, Thesis, choose
from winnow.learn.probe import LinearProbe
from winnow.progress import progress

_RANDOM_DRAWS = 3
_POOL = 0.8
_OURS = " (winnow)"
_MODELS = 8  # probes that are fitted side by side


@dataclass(frozen=True)
class Comparison:
    """What came of it.

    Attributes:
        table: `rule`, `kept`, `accuracy` (mean over the pools), `difference` from random of the same size, and the ends
            `low` and `high` of its 95 % interval over the pools (Student's t).
        full: accuracy of a probe of all images, mean over the pools.
        standard_error: of an accuracy on that many test images.
        sentence: how far one can cut.
    """

    table: pd.DataFrame
    full: float
    standard_error: float
    sentence: str

    def figures(self) -> dict[str, Any]:
        """For a metrics file; without the accuracy where none was measured."""
        measured = {"full_accuracy": self.full, "standard_error": self.standard_error}
        return {"sentence": self.sentence, **{name: value for name, value in measured.items() if np.isfinite(value)}}


def draw_pools(count: int, *, pools: int, seed: int) -> list[np.ndarray]:
    """Sorted places of `pools` draws of 80 % of `count` images; the same seed draws the same."""
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(count, round(_POOL * count), replace=False)) for _ in range(pools)]


def compare(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    shares: Sequence[float],
    pools: Sequence[np.ndarray],
    test_features: np.ndarray | None = None,
    test_labels: np.ndarray | None = None,
    l2: float,
    seed: int,
    rules: Mapping[str, Rule | Thesis] = RULES,
) -> Comparison:
    """Compare the rules.

    Args:
        features: (N, D) float, of labelled images.
        labels: (N,) int in [0, K).
        shares: of a pool, that are kept.
        pools: places of the images of each pool, 2 at least.
        test_features, test_labels: of images to be asked about; None takes those outside the pool.
        l2: penalty of the probe.
        seed: of the rules that draw.
        rules: by name, the first is random, the last winnow's default; others of winnow's say so in their names.

    Returns:
        The table, by rule and share, and what it says. No epoch or penalty is chosen by the test images.
    """
    features = np.asarray(features, dtype=np.float32)
    classes = int(max(labels.max(), 0 if test_labels is None else test_labels.max())) + 1
    rows: list[tuple[int, str, float, float]] = []
    full, tested = [], []
    with progress("compare", len(pools)) as report:
        for number, pool in enumerate(pools):
            counts = [max(round(share * len(pool)), 1) for share in shares]
            chosen: list[tuple[str, float, np.ndarray]] = [("", 1.0, np.arange(len(pool)))]
            for place, (name, rule) in enumerate(rules.items()):
                for draw in range(_RANDOM_DRAWS if place < 2 else 1):
                    kept = choose(rule, features[pool], labels[pool], counts, seed=seed + 1000 * number + draw)
                    chosen += [(name, share, images) for share, images in zip(shares, kept, strict=True)]
            outside = np.setdiff1d(np.arange(len(labels)), pool)
            asked, answers = (
                (features[outside], labels[outside])
                if test_features is None or test_labels is None
                else (np.asarray(test_features, dtype=np.float32), test_labels)
            )
            accuracy = _accuracies(
                features[pool], labels[pool], [images for _, _, images in chosen], asked, answers, classes, l2
            )
            full.append(accuracy[0])
            tested.append(len(answers))
            named = zip(chosen, accuracy, strict=True)
            rows += [(number, name, share, value) for (name, share, _), value in named if name]
            report(1)
    all_rows = pd.DataFrame(rows, columns=["pool", "rule", "kept", "accuracy"])
    by_pool = all_rows.groupby(["pool", "rule", "kept"])["accuracy"].mean().reset_index()
    table = _table(by_pool, list(rules), shares)
    accuracy_of_all = float(np.mean(full))
    error = float(np.sqrt(accuracy_of_all * (1 - accuracy_of_all) / np.mean(tested)))
    return Comparison(table, accuracy_of_all, error, _sentence(table, accuracy_of_all, error, list(rules)))


def _accuracies(
    features: np.ndarray,
    labels: np.ndarray,
    choices: Sequence[np.ndarray],
    asked: np.ndarray,
    answers: np.ndarray,
    classes: int,
    l2: float,
) -> list[float]:
    probe = LinearProbe(np.vstack([features, asked]))
    target = np.zeros((len(features) + len(asked), classes), dtype=np.float32)
    target[np.arange(len(features)), labels] = 1
    found: list[float] = []
    for start in range(0, len(choices), _MODELS):
        part = choices[start : start + _MODELS]
        training = np.zeros((len(target), len(part)), dtype=np.float32)
        for column, images in enumerate(part):
            training[images, column] = 1
        predicted = probe.predict(probe.fit(target, training, l2=l2))[len(features) :].argmax(axis=2)
        found += (predicted == answers[:, None]).mean(axis=0).tolist()
    return found


def with_interval(differences: np.ndarray) -> tuple[float, float, float]:
    """Mean of (N,) paired differences, N at least 2, and the ends of its 95 % interval (Student's t)."""
    mean = float(differences.mean())
    half = float(stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences)))
    return mean, mean - half, mean + half


def _table(by_pool: pd.DataFrame, names: Sequence[str], shares: Sequence[float]) -> pd.DataFrame:
    rows = []
    for name in names:
        for share in shares:
            own, other = (
                by_pool[(by_pool["rule"] == which) & (by_pool["kept"] == share)]["accuracy"].to_numpy()  # by pool
                for which in (name, names[0])
            )
            rows.append((name, share, own.mean(), *with_interval(own - other)))
    return pd.DataFrame(rows, columns=["rule", "kept", "accuracy", "difference", "low", "high"]).astype(
        dict.fromkeys(("kept", "accuracy", "difference", "low", "high"), np.float64)
    )


def _sentence(table: pd.DataFrame, full: float, error: float, names: Sequence[str]) -> str:
    own = names[-1].removesuffix(_OURS)
    ours = table[table["rule"] == names[-1]].sort_values("kept", ascending=False)
    far = ours["kept"].tolist()
    good = np.minimum.accumulate(ours["accuracy"].to_numpy() >= full - error)  # from the largest share on
    reached = far[max(int(good.sum()) - 1, 0)]
    near = f"a standard error ({100 * error:.1f} points)"
    if good[0]:
        first = f"By {own}, accuracy stays within {near} of all images' {full:.1%} down to {reached:.0%} kept"
    else:
        first = f"By {own}, accuracy falls by more than {near} already at {far[0]:.0%} kept"
    tried = table[table["rule"].str.endswith(_OURS) | (table["rule"] == names[-1])]
    wins = tried[tried["low"] > 0]
    if wins.empty:
        return f"{first}; nothing to gain here over random images, at no share is the difference beyond chance."
    best = wins.iloc[int(wins["difference"].to_numpy().argmax())]
    return (
        f"{first}; best of {len(tried)} pairs of way and share, {best['rule'].removesuffix(_OURS)} at "
        f"{best['kept']:.0%} is {100 * best['difference']:+.1f} points from random ones (95 % interval "
        f"{100 * best['low']:+.1f} to {100 * best['high']:+.1f})."
    )
