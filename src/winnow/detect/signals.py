"""What a score is, what a detector may look at, and what a detector is: records, which the app and the report read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

INFINITY = float("inf")


@dataclass(frozen=True, kw_only=True)
class Score:
    """A number that every image has.

    Attributes:
        name: its column in the ledger.
        meaning: what it measures, in a few words.
        words: what people call it; "" where its name says enough.
        short: the same under a picture; "" where the words are short.
        lower_is_worse: which end is the bad one.
        worse: what images at the bad end are, as in 'higher is farther out'.
        unit: "" for probabilities, shares and distances without one.
        low, high: its range, both ends included.
        worst_first: what images are called that are sorted by it, the worst first; "" where nobody asks for that.
        skewed: whether nearly all images lie at the good end, so that counts are drawn on a logarithmic scale.
    """

    name: str
    meaning: str
    words: str = ""
    short: str = ""
    lower_is_worse: bool = False
    worse: str = "worse"
    unit: str = ""
    low: float = -INFINITY
    high: float = INFINITY
    worst_first: str = ""
    skewed: bool = False

    @property
    def title(self) -> str:
        """What it is called: its words, or its name with blanks."""
        return self.words or self.name.replace("_", " ")

    @property
    def bounded(self) -> bool:
        """Whether its range has two ends."""
        return self.high - self.low < INFINITY

    def width(self, values: np.ndarray) -> float:
        """From one end of the range to the other; where it has no ends, from the least to the largest value."""
        if self.bounded:
            return self.high - self.low
        known = values[~np.isnan(values)]
        return float(np.ptp(known)) or 1.0 if len(known) else 1.0

    @property
    def direction(self) -> str:
        """Which end is the bad one, in words."""
        return f"{'lower' if self.lower_is_worse else 'higher'} is {self.worse}"

    @property
    def scale(self) -> str:
        """Range or unit, in words; "" where there is neither."""
        if self.bounded:
            return f"{self.low:g} to {self.high:g}"
        return self.unit

    @property
    def described(self) -> str:
        """Meaning, range or unit, and direction, in words."""
        return "; ".join(part for part in (self.meaning, ", ".join(filter(None, (self.scale, self.direction)))) if part)

    @property
    def caption(self) -> str:
        """What it is called under a picture."""
        return self.short or self.title

    @property
    def beyond_words(self) -> str:
        """What the bad side of a threshold is called."""
        return "below the threshold" if self.lower_is_worse else "at or above the threshold"

    def beyond(self, values: np.ndarray, threshold: float) -> np.ndarray:
        """(N,) bool: on the bad side of a threshold, which is itself bad where higher is worse."""
        return values < threshold if self.lower_is_worse else values >= threshold

    def margin(self, values: np.ndarray, threshold: float) -> np.ndarray:
        """(N,) how far each value lies on the good side of a threshold; below 0 on the bad side."""
        return values - threshold if self.lower_is_worse else threshold - values

    def badness(self, values: np.ndarray) -> np.ndarray:
        """(N,) float64 of a score's values, higher is worse."""
        values = values.astype(np.float64)
        return -values if self.lower_is_worse else values


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of N images of K classes. What is not there is None: unlabelled images have features alone.

    Attributes:
        features: (N, D) float32, L2-normalised.
        labels: (N,) int in [0, K), as given.
        pred_probs: (N, K) float32 of the given labels, out of sample.
        class_probs: (N, K) float32 of the true class, from which the image's own label is left out.
        noise_rates: (K, K) float64 P(given label | true class), a row per true class.
        zero_shot_pred_probs: (N, K) float32 of the class names.
        in_class_probability: (N,) float32 in [0, 1], zero-shot, of all classes together against everything else.
    """

    features: np.ndarray
    labels: np.ndarray | None = None
    pred_probs: np.ndarray | None = None
    class_probs: np.ndarray | None = None
    noise_rates: np.ndarray | None = None
    zero_shot_pred_probs: np.ndarray | None = None
    in_class_probability: np.ndarray | None = None

    @classmethod
    def among(cls, *files: Mapping[str, np.ndarray], **more: np.ndarray) -> "Evidence":
        """Of the arrays that files hold, those that are evidence; others are left out.

        So are labels that are all -1, and probabilities of no classes: images without labels have these.
        """
        known = {field.name for field in fields(cls)}
        arrays = {name: array for file in files for name, array in file.items() if name in known} | more
        if "labels" in arrays and (arrays["labels"] < 0).all():
            del arrays["labels"]
        return cls(**{name: array for name, array in arrays.items() if array.size})

    @property
    def classes(self) -> np.ndarray:
        """(N,) int64, each image's most probable class; 0 for all where no class is known."""
        if self.class_probs is None:
            return np.zeros(len(self.features), dtype=np.int64)
        classes: np.ndarray = self.class_probs.argmax(axis=1)
        return classes

    def arrays(self) -> dict[str, np.ndarray]:
        """What is there, by name; `classes` is always."""
        there = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in there.items() if array is not None} | {"classes": self.classes}


@dataclass(frozen=True)
class Detector:
    """A function that scores images, and what is to be known of it.

    Attributes:
        score: what it gives.
        run: takes what it needs and its options by keyword, and gives (N,) finite floats.
        needs: names of evidence; the detector runs where all of it is there.
        options: keys of its room's section in params.yaml that `run` takes as keywords.
    """

    score: Score
    run: Callable[..., np.ndarray]
    needs: tuple[str, ...] = field(kw_only=True)
    options: tuple[str, ...] = field(kw_only=True, default=())

    @property
    def name(self) -> str:
        """Of its column."""
        return self.score.name

    def __call__(self, arrays: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> np.ndarray:
        """(N,) floats, from evidence by name and the options of its room."""
        needed = {name: arrays[name] for name in self.needs}
        return self.run(**needed, **{name: options[name] for name in self.options})
