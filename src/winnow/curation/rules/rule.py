"""What a rule of `curate` is: which images it takes, what becomes of them, and how all of that is called.

The ledger, `winnow why`, the review app, the report and the scorecard read these records.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from winnow.detect.signals import Score
from winnow.params import describe, limits

Thresholds = Mapping[str, Any]


@dataclass(frozen=True)
class Threshold:
    """A number, switch or list that a rule decides by.

    A key of `curate` in params.yaml has its meaning and range from `winnow.params`. A rule that is registered from
    elsewhere brings its own, with the value that it has while params.yaml has no such key.

    Attributes:
        name: the key.
        words: what it is called.
        value: of a threshold that params.yaml need not have; None for a key that it must.
        low, high: range of such a threshold, both ends included; None where there is no limit.
        meaning: of such a threshold.
        span: gives the ends of the app's slider, where those are not the range's.
    """

    name: str
    words: str
    value: Any = None
    low: float | None = None
    high: float | None = None
    meaning: str = ""
    span: Callable[[], tuple[float, float]] | None = None

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """Smallest and largest value."""
        return limits(f"curate.{self.name}") if self.value is None else (self.low, self.high)

    @property
    def described(self) -> str:
        """What it means, in words."""
        return describe(f"curate.{self.name}") if self.value is None else self.meaning


@dataclass(frozen=True)
class Cut:
    """A score cut by a threshold.

    Attributes:
        score: the score.
        threshold: name of the threshold; images on its bad side are taken.
        among: gives (N,) bool, the images whose score the cut looks at; all where it is None.
        caption: the score under a picture, with the value in braces.
    """

    score: Score
    threshold: str
    among: Callable[[pd.DataFrame], np.ndarray] | None = None
    caption: str = "score {:.2f}"

    def takes(self, frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
        """(N,) bool: images that it looks at and whose score is on the bad side; one without a score is not."""
        beyond = self.score.beyond(frame[self.score.name].to_numpy(), thresholds[self.threshold])
        return beyond if self.among is None else beyond & self.among(frame)


@dataclass(frozen=True)
class Outcome:
    """What became of an image, as the app lists and colours it.

    Attributes:
        key: unique.
        words: what it is called.
        light, dark: its colour on a light and a dark page; as in Okabe and Ito (2008), told apart by the colour-blind.
    """

    key: str
    words: str
    light: str = "#8a8f98"
    dark: str = "#a3a9b3"


@dataclass(frozen=True)
class Target:
    """The fault that a rule looks for, as far as a truth file knows it.

    Attributes:
        truth: the truth file's column: `true_label` (a wrong label is the fault), `is_ood` or `duplicate_of`.
        key: of its figures in the scorecard; the rule's name where it is not given.
        words: what it is called; as the rule where it is not given.
        faulty: what images with it are called, in the plural; the words where it is not given.
    """

    truth: str
    key: str = ""
    words: str = ""
    faulty: str = ""


@dataclass(frozen=True)
class Decision:
    """What becomes of the images that a rule takes: a value for all, or (N,) values of which theirs count.

    Attributes:
        action: `keep`, `relabel` or `drop`.
        final_label: the label it ends with, -1 if dropped.
        counterpart: id of the image that it was compared with, "" for none.
        decided_by: `rule`, or the reviewer.
    """

    action: str | np.ndarray = "drop"
    final_label: int | np.ndarray = -1
    counterpart: str | np.ndarray = ""
    decided_by: str | np.ndarray = "rule"


@dataclass(frozen=True)
class Context:
    """What a reason may refer to beside its own image.

    Attributes:
        class_names: K names.
        thresholds: the value of each.
        images: by id, `label_quality_score` and `action` of every image.
    """

    class_names: list[str]
    thresholds: Thresholds
    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Restoring:
    """How the class floor brings back images that a rule took.

    Attributes:
        turn: rules of a lower turn give theirs back first.
        best_first: the score by which the least suspicious come first.
    """

    turn: int
    best_first: Score


def _drop(frame: pd.DataFrame, thresholds: Thresholds) -> Decision:
    return Decision()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule. The first of `RULES` that takes an image decides on it.

    Attributes:
        name: in the ledger.
        meaning: what the images have in common that it takes.
        words: what they are called; "" where the name says enough.
        thresholds: what it decides by.
        cuts: scores that it cuts; the ledger's `threshold` is that of the first, which reports draw.
        applies: gives (N,) bool, the images that it takes, of a frame of all scores with a row per image, and the
            thresholds; those that the first cut takes where it is not given. A rule with neither takes none of its own
            accord: `decide` or a later stage applies it.
        switch: the threshold that must be set for it to take any image: true, above 0 or not empty. Without one it
            always may.
        withheld: gives why it takes no image of this dataset at all, in a sentence, or "" where it takes some.
        decides: gives what becomes of them; they are dropped where it is not given.
        explains: gives the reason in words, of a row of decisions and its context; made from the first cut, or the
            meaning, where it is not given.
        finding: its images are flagged in the column `flagged_<finding>`, whichever rule wins; its name where it is
            not given, None for no column.
        compares: whether it compares images with one another. Such a rule finds in the frame, as `unfit`, what the
            rules take that look at one image alone: (N,) int, lower is better.
        unfit: whether an image that it takes stands for its copies only if no other is left.
        only_relabels: whether it drops none of the images that it takes.
        restoring: how the class floor brings its images back; None if it may not.
        outcome: how the app calls and colours the images that it drops.
        target: the fault that it looks for; None if a truth file knows nothing of it.
    """

    name: str
    meaning: str
    words: str = ""
    thresholds: tuple[Threshold, ...] = ()
    cuts: tuple[Cut, ...] = ()
    applies: Callable[[pd.DataFrame, Thresholds], np.ndarray | pd.Series] | None = None
    switch: str = ""
    withheld: Callable[[pd.DataFrame, Thresholds], str] | None = None
    decides: Callable[[pd.DataFrame, Thresholds], Decision] = _drop
    explains: Callable[[Any, Context], str] | None = None
    finding: str | None = ""
    compares: bool = False
    unfit: bool = True
    only_relabels: bool = False
    restoring: Restoring | None = None
    outcome: Outcome | None = None
    target: Target | None = None

    @property
    def title(self) -> str:
        """What the images are called that it takes: its words, or its name with blanks."""
        return self.words or self.name.replace("_", " ")

    @property
    def takes_images(self) -> bool:
        """Whether it takes images of its own accord."""
        return self.applies is not None or bool(self.cuts)

    def take(self, frame: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
        """(N,) bool: the images that it takes."""
        if not self.is_on(thresholds) or self.why_withheld(frame, thresholds):
            return np.zeros(len(frame), dtype=bool)
        taken = self.applies(frame, thresholds) if self.applies else self.cuts[0].takes(frame, thresholds)
        return np.asarray(taken, dtype=bool)

    def is_on(self, thresholds: Thresholds) -> bool:
        """Whether the thresholds let it take any image."""
        return not self.switch or bool(thresholds[self.switch])

    def why_withheld(self, frame: pd.DataFrame, thresholds: Thresholds) -> str:
        """Why it takes no image of this dataset at all, in a sentence; "" where it takes some."""
        return self.withheld(frame, thresholds) if self.withheld else ""

    @property
    def flag(self) -> str | None:
        """The column of what it takes, whichever rule wins; None for none."""
        if not self.takes_images or self.finding is None:
            return None
        return f"flagged_{self.finding or self.name}"

    @property
    def drops(self) -> bool:
        """Whether it may drop an image."""
        return (self.takes_images and not self.only_relabels) or self.outcome is not None

    @property
    def dropped(self) -> Outcome:
        """What became of an image that it drops."""
        return self.outcome or Outcome(self.name, f"dropped: {self.title}")

    def reason(self, row: Any, context: Context) -> str:
        """Why it took an image, in words."""
        if self.explains is not None:
            return self.explains(row, context)
        if not self.cuts:
            return self.meaning
        cut = self.cuts[0]
        value, threshold = getattr(row, cut.score.name), context.thresholds[cut.threshold]
        return f"{self.meaning}: {cut.score.title} {value:.2f}, the threshold is {threshold:g}"


@dataclass(frozen=True)
class Finding:
    """What a truth file can judge of a rule.

    Attributes:
        target: the fault, with all of its names.
        flag: the column of the images that the rule takes, whichever rule wins.
        score: that ranks images by the fault; None for none.
    """

    target: Target
    flag: str
    score: Score | None
