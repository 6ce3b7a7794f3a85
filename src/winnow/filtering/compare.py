"""Does choosing pay? Something learns from what each rule keeps, and is asked about images that no rule saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from winnow.filtering.learners.learner import MEASURES, Judged, Learner
from winnow.filtering.rules import RULES, Candidates, Rule, Thesis, choose
from winnow.progress import progress

_RANDOM_DRAWS = 3
_POOL = 0.8
_OURS = " (winnow)"
_NUMBERS = ("kept", "accuracy", "difference", "low", "high")


@dataclass(frozen=True)
class Comparison:
    """What came of it.

    Attributes:
        learner: `probe`, `network` or `detector`.
        table: `rule`, `kept`, `accuracy` (mean over the pools; of a detector its score), `difference` from random of
            the same size, and the ends `low` and `high` of its 95 % interval over the pools (Student's t); then what
            the score is made of.
        full: accuracy, or score, of what learned from all images, mean over the pools.
        standard_error: of an accuracy, or score, on that many test images.
        sentence: how far one can cut.
        counts: of the images that were chosen from and asked about.
    """

    learner: str
    table: pd.DataFrame
    full: float
    standard_error: float
    sentence: str
    counts: Mapping[str, int] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """For a metrics file; without the accuracy where none was measured."""
        measured = {"full_accuracy": self.full, "standard_error": self.standard_error}
        measured = {name: value for name, value in measured.items() if np.isfinite(value)}
        return {"sentence": self.sentence, "learner": self.learner, **self.counts, **measured}


def not_compared(learner: str, why: str) -> Comparison:
    """An empty comparison; `why` in words."""
    table = pd.DataFrame(columns=["rule", *_NUMBERS]).astype({"rule": str} | dict.fromkeys(_NUMBERS, np.float64))
    return Comparison(learner, table, float("nan"), float("nan"), f"Not compared: {why}.")


def draw_pools(count: int, *, pools: int, seed: int) -> list[np.ndarray]:
    """Sorted places of `pools` draws of 80 % of `count` images; the same seed draws the same."""
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(count, round(_POOL * count), replace=False)) for _ in range(pools)]


def compare(
    images: Candidates,
    learner: Learner,
    *,
    shares: Sequence[float],
    pools: Sequence[np.ndarray],
    asked: int = 0,
    seed: int,
    rules: Mapping[str, Rule | Thesis] = RULES,
) -> Comparison:
    """Compare the rules.

    Args:
        images: N to choose from.
        learner: of N + `asked` images, these first.
        shares: of a pool, that are kept.
        pools: sorted places of the images of each pool, 2 pools at least.
        asked: images to be asked about, which come behind the others; 0 takes those outside the pool.
        seed: of the rules that draw, and of trainings.
        rules: by name, the first is random, the last winnow's default; others of winnow's say so in their names.

    Returns:
        The table, by rule and share, and what it says. No epoch or penalty is chosen by the test images.
    """
    rows: list[dict[str, Any]] = []
    full: list[Judged] = []
    draws = [_RANDOM_DRAWS if place < 2 else 1 for place in range(len(rules))]
    with progress("compare", len(pools) * (1 + sum(draws) * len(shares))) as report:
        for number, pool in enumerate(pools):
            own = images.only(pool)
            counts = [max(round(share * len(pool)), 1) for share in shares]
            names, chosen = [("", 1.0)], [np.arange(len(pool))]
            for (name, rule), times in zip(rules.items(), draws, strict=True):
                for draw in range(times):
                    names += [(name, share) for share in shares]
                    chosen += choose(rule, own, counts, seed=seed + 1000 * number + draw)
            others = (
                np.arange(len(images), len(images) + asked) if asked else np.setdiff1d(np.arange(len(images)), pool)
            )
            found = learner.judged(pool, chosen, others, seed=seed + number, report=report)
            full.append(found[0])
            rows += [
                {"pool": number, "rule": name, "kept": share, "accuracy": one.score, **one.parts}
                for (name, share), one in zip(names, found, strict=True)
                if name
            ]
    by_pool = pd.DataFrame(rows).groupby(["pool", "rule", "kept"]).mean().reset_index()
    table = _table(by_pool, list(rules), shares)
    accuracy_of_all = float(np.mean([one.score for one in full]))
    error = _standard_error(full)
    counted = {"images": len(images), "asked": round(float(np.mean([one.asked for one in full])))}
    sentence = _sentence(table, accuracy_of_all, error, list(rules), learner.name)
    return Comparison(learner.name, table, accuracy_of_all, error, sentence, counted)


def _standard_error(full: Sequence[Judged]) -> float:
    """Of a score on the images that were asked about, as far as these are chance."""
    errors = [one.error for one in full if one.error is not None]
    if errors:
        return float(np.sqrt(np.mean(np.square(errors))))
    share = float(np.mean([one.score for one in full]))
    return float(np.sqrt(share * (1 - share) / np.mean([one.asked for one in full])))


def with_interval(differences: np.ndarray) -> tuple[float, float, float]:
    """Mean of (N,) paired differences, N at least 2, and the ends of its 95 % interval (Student's t)."""
    mean = float(differences.mean())
    half = float(stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences)))
    return mean, mean - half, mean + half


def _table(by_pool: pd.DataFrame, names: Sequence[str], shares: Sequence[float]) -> pd.DataFrame:
    parts = [name for name in by_pool if name not in ("pool", "rule", "kept", "accuracy")]
    rows = []
    for name in names:
        for share in shares:
            own, other = (
                by_pool[(by_pool["rule"] == which) & (by_pool["kept"] == share)]  # by pool
                for which in (name, names[0])
            )
            accuracy = own["accuracy"].to_numpy()
            interval = with_interval(accuracy - other["accuracy"].to_numpy())
            rows.append((name, share, accuracy.mean(), *interval, *own[parts].mean()))
    return pd.DataFrame(rows, columns=["rule", *_NUMBERS, *parts]).astype(dict.fromkeys(_NUMBERS, np.float64))


def _sentence(table: pd.DataFrame, full: float, error: float, names: Sequence[str], learner: str) -> str:
    own = names[-1].removesuffix(_OURS)
    measured = f"a {learner}'s {MEASURES[learner]}"
    ours = table[table["rule"] == names[-1]].sort_values("kept", ascending=False)
    far = ours["kept"].tolist()
    good = np.minimum.accumulate(ours["accuracy"].to_numpy() >= full - error)  # from the largest share on
    reached = far[max(int(good.sum()) - 1, 0)]
    near = f"a standard error ({100 * error:.1f} points)"
    if good[0]:
        first = f"By {own}, {measured} stays within {near} of all images' {full:.1%} down to {reached:.0%} kept"
    else:
        first = f"By {own}, {measured} falls by more than {near} already at {far[0]:.0%} kept"
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
